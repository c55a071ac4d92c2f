"""What a stop does about calls whose worker is gone: take them up and ask the platforms. Loaded only when needed."""

from __future__ import annotations

from config import log_output, settings
from config.essentials import Essentials
from config.settings import Settings, SettingsError
from scheduler import reconciler, rescuer
from scheduler.account import ConnectorPool
from store.engine import open_engine


def settle(essential: Essentials, attempts: frozenset[int], until: float) -> dict[int, str]:
    """Attempt → what the platform said, for those of `attempts` that are unknown after the rescue.

    No platform is asked, or waited for, after `until` (boot time, s).
    """
    log_output.configure()
    engine = open_engine(essential.database_url, busy_timeout_s=2.0)
    pool = ConnectorPool(engine)
    try:
        rescuer.rescue(engine)
        return reconciler.reconcile(engine, _settings(), pool, essential.data_dir / "media", only=attempts, until=until)
    finally:
        pool.close()
        engine.dispose()


def _settings() -> Settings:
    """The city's settings, or the defaults: broken settings must not keep a stop from being confirmed."""
    try:
        return settings.load()
    except SettingsError:
        return Settings()
