"""The settings for alerts: what does not go together is refused at start with both names; no key in an address is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import essentials, settings, web_address
from config.settings import Settings, SettingsError

FOLDER = Path("/city")
FEED = "https://api.weather.gov/alerts/active.atom?area=TN&pin=canary"


def _check(**values: Any) -> Settings:
    return settings.check(essentials.Loaded(values, FOLDER / "standfast.toml", FOLDER, {}))


def _fault(**values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        _check(**values)
    (line,) = caught.value.faults
    assert "canary" not in line
    return line


@pytest.mark.parametrize(
    "hosts", [["API.weather.gov", " b.example "], "api.weather.gov,b.example", "api.weather.gov , B.example,"]
)
def test_a_feed_and_its_hosts(hosts: object) -> None:
    found = _check(alerts_feed=FEED, alerts_hosts=hosts)
    assert found.alert_hosts == {"api.weather.gov", "b.example"}
    assert found.alerts_interval == 60.0


def test_the_default_is_off() -> None:
    found = _check()
    assert (found.alerts, found.alerts_folder, found.alerts_feed, found.alert_hosts) == (None, None, "", frozenset())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"alerts_feed": FEED}, "lists no host"),
        ({"alerts_feed": FEED, "alerts_hosts": "weather.gov"}, "is at 'api.weather.gov', which is not among the hosts"),
        ({"alerts_hosts": "weather.gov"}, "is set, but alerts_feed is not"),
        ({"alerts_feed": "http://a.example/x?canary", "alerts_hosts": "a.example"}, "is plain http to 'a.example'"),
        ({"alerts_feed": "https://u:canary@a.example/x", "alerts_hosts": "a.example"}, "holds a user or a password"),
        ({"alerts_feed": "a.example/canary", "alerts_hosts": "a.example"}, "does not begin with https:// and a host"),
        ({"alerts_feed": "https://[canary/", "alerts_hosts": "a.example"}, "does not begin with https:// and a host"),
        ({"alerts_feed": "file:///canary", "alerts_hosts": "a.example"}, "does not begin with https:// and a host"),
    ],
)  # fmt: skip
def test_a_feed_that_does_not_go_with_its_hosts_names_both(values: dict[str, str], says: str) -> None:
    line = _fault(**values)
    assert says in line
    assert "alerts_feed" in line
    assert "alerts_hosts" in line


@pytest.mark.parametrize("hosts", [["https://a.example"], ["a.example:443"], "a b", [3], ["a/b"], 7])
def test_what_is_no_host_is_named(hosts: object) -> None:
    assert "alerts_hosts" in _fault(alerts_hosts=hosts, alerts_feed="https://a.example/")


def test_a_public_feed_is_not_asked_too_often() -> None:
    line = _fault(alerts_feed=FEED, alerts_hosts="api.weather.gov", alerts_interval="2s")
    assert "alerts_interval = 2s is less than 10s with alerts_feed set" in line
    _check(alerts_interval="2s")


@pytest.mark.parametrize("folder", ["calendars", "calendars/alerts", "./calendars", "/city/calendars"])
def test_alerts_are_not_put_among_the_calendars(folder: str) -> None:
    assert "lies in calendars = 'calendars'" in _fault(alerts_folder=folder)
    _check(alerts_folder="calendars-and-alerts")


def test_an_address_is_told_without_what_may_be_secret() -> None:
    """SE-3."""
    told = web_address.named("https://u:canary@a.example:8443/x/y?pin=canary#canary")
    assert told == "https://a.example:8443/x/y"
    assert web_address.named("https://[canary/") == "an address that cannot be read"
    assert len(web_address.named(f"https://a.example/{'x' * 5000}")) == 300
