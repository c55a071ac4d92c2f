"""Where the page may listen, and what becomes of the daemon when it cannot."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import stop_page
from config import clock, essentials
from config.address import Address
from console.doorway import DEFAULT, Doorway, PageFault
from console.throttle import FIRST_S, LONGEST_S, Throttle
from tests.support.city import City
from tests.support.live_city import LiveCity, X


def _doorway(**values: Any) -> Doorway:
    return Doorway.of(essentials.Loaded({}, None, Path("/city"), {}), values)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8443", "127.0.0.1", 8443),
        ("[::1]:0", "::1", 0),
        (" stop.city.example:443 ", "stop.city.example", 443),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, host: str, port: int) -> None:
    found = Address.parse(text)
    assert (found.host, found.port, str(found)) == (host, port, text.strip())


@pytest.mark.parametrize(
    "text", ["", "8443", "127.0.0.1", "127.0.0.1:65536", "::1:80", "a b:1", "x:-1", "http://x:1", ":1", "x:1\n2"]
)
def test_what_is_no_address_is_refused_by_value(text: str) -> None:
    with pytest.raises(ValueError, match="write HOST:PORT"):
        Address.parse(text)
    if text:
        with pytest.raises(PageFault, match="stop_page = "):
            _doorway(stop_page=text)


def test_without_a_setting_the_page_listens_on_this_machine_alone() -> None:
    assert str(_doorway().address) == DEFAULT


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_tokens_never_go_in_clear_over_a_network(host: str, tmp_path: Path) -> None:
    """SE-1: another address than loopback needs TLS, or a setting that says who speaks it; the error names them."""
    if host == "[::]" and not socket.has_ipv6:
        host = "0.0.0.0"
    with pytest.raises(PageFault, match="stop_page_certificate and stop_page_key, or stop_page_proxy = true"):
        _doorway(stop_page=f"{host}:0").bound()
    with _doorway(stop_page=f"{host}:0", stop_page_proxy=True).bound() as own:
        assert own.getsockname()[1]
    with pytest.raises(PageFault, match="belong together"):
        _doorway(stop_page=f"{host}:0", stop_page_key="key.pem")
    broken = _doorway(stop_page_certificate=tmp_path / "none.pem", stop_page_key=tmp_path / "none.pem")
    with pytest.raises(PageFault, match=r"stop_page_certificate .*none\.pem"):
        broken.secured()
    with pytest.raises(PageFault, match="stop_page_proxy"):
        _doorway(stop_page_proxy="perhaps")


def test_what_listens_there_already_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PageFault, match="cannot listen there"):
        _doorway(stop_page=f"127.0.0.1:{other.getsockname()[1]}").bound()


def test_a_page_that_cannot_be_served_keeps_the_daemon_from_nothing(live: LiveCity) -> None:
    """The daemon warns, publishes and stops as ever."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        live.city.set(stop_page=f"127.0.0.1:{other.getsockname()[1]}")
        daemon = live.start_daemon()
        assert any("THE STOP PAGE IS NOT SERVED: stop_page = 127.0.0.1" in line for line in daemon.lines)
        live.await_state(live.queue(X, "goes out"), "published")
        assert live.crisis()["quiet_confirmed"]


@pytest.mark.parametrize(
    ("settings", "level", "said"),
    [
        ({}, "ok", "serves none"),
        ({"stop_page": "127.0.0.1:8443"}, "ok", "a proxy speaks TLS"),
        ({"stop_page": "0.0.0.0:8443"}, "fault", "tokens would go in clear"),
        ({"stop_page": "localhost:1", "stop_page_certificate": "c.pem", "stop_page_key": "k.pem"}, "fault", "c.pem"),
    ],
)
def test_the_doctor_says_whether_the_page_can_be_served(
    sqlite_city: City, settings: dict[str, Any], level: str, said: str
) -> None:
    sqlite_city.set(**settings)
    ran = sqlite_city.run("doctor", "--json")
    (found,) = [item for item in json.loads(ran.stdout) if item["check"] == "stop page"]
    assert found["level"] == level
    assert said in found["text"]


def test_without_the_extra_the_daemon_says_what_to_install(
    sqlite_city: City, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A city that installed no web server publishes all the same."""
    sqlite_city.set(stop_page="127.0.0.1:0")
    monkeypatch.setitem(sys.modules, "console.server", None)
    monkeypatch.delattr("console.server", raising=False)
    with stop_page.beside_daemon():
        said = capsys.readouterr().err
    assert "THE STOP PAGE IS NOT SERVED" in said
    assert "pip install 'standfast[console]'" in said


def test_the_command_says_in_one_line_why_it_cannot_serve(sqlite_city: City) -> None:
    ran = sqlite_city.run("stop-page", "--listen", "0.0.0.0:0")
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert "tokens would go in clear" in line


def test_delays_grow_for_each_client_and_for_all_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """SE-1: from half a second to eight; nobody's failures lock anything."""
    now = [1000.0]
    monkeypatch.setattr(clock, "boot_s", lambda: now[0])
    own = Throttle()
    first = own.failed("192.0.2.1")
    assert FIRST_S <= first < FIRST_S + 0.1
    grown = [own.failed("192.0.2.1") for _ in range(20)]
    assert grown == sorted(grown)
    assert grown[-1] == LONGEST_S
    assert own.failed("192.0.2.2") > first, "an attack from everywhere slows its own answers"
    assert own.failed("2001:db8::1") < own.failed("2001:db8::2"), "one network is one client"
    for number in range(3000):
        own.failed(f"198.51.{number // 250}.{number % 250}")
    assert len(own._failures) <= 1024
    now[0] += 700
    assert own.failed("192.0.2.1") == first
