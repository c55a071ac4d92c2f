from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from connectors import registry
from connectors.errors import AccountError
from connectors.outbox import OutboxConnector
from connectors.protocol import Account, Connector

NAMES = {"page_token": "FB_CITYHALL_TOKEN"}
SETTINGS = {"page_id": "815"}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry._table.cache_clear()
    yield
    registry._table.cache_clear()


def plug_in(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let another package offer the platform `name`."""
    points = [EntryPoint(name, value, registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])


@pytest.mark.parametrize("platform", ["facebook", "outbox", "x"])
def test_every_built_in_platform_is_a_connector(platform: str) -> None:
    connector = registry.load(platform)
    assert connector.platform == platform
    assert set(registry.names()) >= set(registry.BUILT_IN)


def test_the_entry_points_of_the_project_are_the_built_in_table(pytestconfig: pytest.Config) -> None:
    import tomllib

    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][registry.GROUP] == registry.BUILT_IN


def test_without_an_installed_package_the_built_in_ones_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    assert registry.names() == ("facebook", "outbox", "x")


def test_no_platform_library_is_imported_until_it_is_asked_for() -> None:
    code = (
        "import sys; from connectors import registry; registry.names(); registry.load('outbox');"
        "print([m for m in ('tweepy', 'facebook', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_platform_is_named_with_the_known_ones() -> None:
    with pytest.raises(AccountError, match="'myspace' is unknown: use one of facebook, outbox, x"):
        registry.load("myspace")
    with pytest.raises(AccountError, match="myspace"):
        registry.open_connector(Account("c", "myspace"))


def test_a_platform_from_another_package_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "bulletin", "connectors.outbox:OutboxConnector")
    assert "bulletin" in registry.names()
    opened = registry.open_connector(Account("c", "bulletin", {"folder": "f"}))
    assert isinstance(opened, OutboxConnector)
    assert isinstance(opened, Connector)


def test_another_package_cannot_take_the_place_of_a_built_in_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, "x", "connectors.outbox:OutboxConnector")
    assert registry.load("x").__name__ == "XConnector"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module:Thing", "cannot be imported (ModuleNotFoundError)"),
        ("connectors.outbox:Nothing", "cannot be imported (AttributeError)"),
        ("connectors.outbox:LOG", "it lacks being a class"),
        ("connectors.protocol:Account", "it lacks platform, required_settings, required_secrets, length(), problems()"),
    ],
)
def test_what_is_no_connector_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, value: str, why: str) -> None:
    plug_in(monkeypatch, "bulletin", value)
    with pytest.raises(AccountError) as failure:
        registry.load("bulletin")
    assert why in str(failure.value)
    assert "bulletin" in str(failure.value)


def test_secrets_are_looked_up_by_name() -> None:
    """SE-3: the account's own text never shows them."""
    environ = {"FB_CITYHALL_TOKEN": " canary-token\n"}
    account = registry.resolve_account("cityhall", "facebook", SETTINGS, NAMES, environ)
    assert account.secrets == {"page_token": "canary-token"}
    assert account.settings == SETTINGS
    assert "canary-token" not in repr(account)
    registry.open_connector(account).close()


@pytest.mark.parametrize("environ", [{}, {"FB_CITYHALL_TOKEN": "  "}])
def test_a_missing_secret_is_named_with_its_variable_and_the_remedy(environ: dict[str, str]) -> None:
    with pytest.raises(AccountError) as failure:
        registry.resolve_account("cityhall", "facebook", SETTINGS, NAMES, environ)
    text = str(failure.value)
    assert "cityhall" in text
    assert "page_token (FB_CITYHALL_TOKEN)" in text
    assert "add it to .env" in text


def test_a_secret_without_a_variable_is_named() -> None:
    with pytest.raises(AccountError, match=r"page_token: name one, and add it to \.env"):
        registry.resolve_account("cityhall", "facebook", SETTINGS, {}, {"FB_CITYHALL_TOKEN": "t"})


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(AccountError, match="lacks the setting page_id: add it"):
        registry.resolve_account("cityhall", "facebook", {}, NAMES, {"FB_CITYHALL_TOKEN": "t"})


def test_all_missing_secrets_are_named_at_once() -> None:
    names = {name: name.upper() for name in registry.load("x").required_secrets}
    with pytest.raises(AccountError) as failure:
        registry.resolve_account("library", "x", {}, names, {"CONSUMER_KEY": "k"})
    assert all(name in str(failure.value) for name in ("CONSUMER_SECRET", "ACCESS_TOKEN", "ACCESS_TOKEN_SECRET"))


def test_an_attribute_that_is_not_callable_is_no_method() -> None:
    fake = SimpleNamespace(publish=1)
    assert registry._lacking(fake) == ["being a class"]
    assert "publish()" in registry._lacking(type("Fake", (), {"publish": 1}))
