from __future__ import annotations

import pytest

from config import clock
from config.web_address import is_loopback
from connectors.account import Base, base_url, require
from connectors.errors import AccountError
from connectors.protocol import Account

HOME = "https://api.example"


def account(url: str) -> Account:
    return Account("parks", "x", {"base_url": url})


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("", Base("api.example", 443, True, "")),
        ("https://proxy.city.example/x/", Base("proxy.city.example", 443, True, "/x")),
        ("http://127.0.0.1:8080", Base("127.0.0.1", 8080, False, "")),
        ("http://localhost", Base("localhost", 80, False, "")),
        ("http://[::1]:81/a/b", Base("::1", 81, False, "/a/b")),
    ],
)
def test_a_base_url_is_taken_apart(url: str, base: Base) -> None:
    assert base_url(account(url), HOME) == base


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.example", "plain http to api.example"),
        ("http://127.0.0.1.example", "plain http"),
        ("http://10.0.0.1", "plain http"),
        ("ftp://api.example", "does not start with https://"),
        ("api.example", "does not start with https://"),
        ("https://", "does not start with https://"),
        ("https://user:canary@api.example", "holds a user"),
        ("https://api.example/?token=canary", "holds a user, query"),
        ("https://api.example/#canary", "fragment"),
        ("https://api.example:canary", "is not a URL"),
        ("https://[canary", "is not a URL"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused_without_showing_it(url: str, why: str) -> None:
    """SE-3: people paste tokens into addresses."""
    with pytest.raises(AccountError) as failure:
        base_url(account(url), HOME)
    assert why in str(failure.value)
    assert "parks" in str(failure.value)
    assert "canary" not in str(failure.value)


def test_a_rehearsal_reaches_only_this_machine() -> None:
    """KS-20: with the clock running fast, no platform can be reached."""
    with clock.use(clock.RehearsalClock(0, 0, 60.0)):
        with pytest.raises(AccountError, match="STANDFAST_CLOCK"):
            base_url(account(""), HOME)
        assert base_url(account("http://127.0.0.1:1"), HOME).port == 1
    assert base_url(account(""), HOME).host == "api.example"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_these_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "0.0.0.0", "::2", "127.0.0.1.example", "10.0.0.1"])
def test_these_are_not(host: str) -> None:
    assert not is_loopback(host)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(AccountError) as failure:
        require(Account("parks", "x", {"a": "1", "b": " "}, {"s": ""}), ("a", "b"), ("s",))
    assert str(failure.value) == "channel parks (x) lacks the setting b and the secret s: add it"
