"""Whether alerts can be read here at all, and by which rules: what the daemon, the commands and the doctor ask alike."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from config import essentials, extra
from config.settings import Settings
from crisis.alerts import rules, schema
from crisis.alerts.rules import Rules

NEEDED = ("lxml", schema.PACKAGE)


def missing() -> str | None:
    """What must be installed before an alert can be read, None when all is there."""
    lacking = [name for name in NEEDED if find_spec(name) is None]
    return f"reading alerts needs {' and '.join(lacking)}: {extra.install('alerts')}" if lacking else None


def rules_file(settings: Settings) -> Path:
    """The file that `alerts` names, the shipped one when it names none."""
    return rules.SHIPPED if settings.alerts is None else essentials.path_below(settings.root, str(settings.alerts))


def folder(settings: Settings) -> Path | None:
    """The folder that `alerts_folder` names, absolute."""
    return None if settings.alerts_folder is None else essentials.path_below(settings.root, str(settings.alerts_folder))


def is_on(settings: Settings) -> bool:
    """True when the daemon takes alerts in: the city names a folder or a feed."""
    return settings.alerts_folder is not None or bool(settings.alerts_feed)


def rules_of(settings: Settings) -> Rules:
    """The rules as they stand now. Raises RulesError."""
    return rules.read(rules_file(settings))
