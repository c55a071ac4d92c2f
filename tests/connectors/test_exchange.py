"""RC-1: what is kept of an exchange is the message as it was, without the account's secrets in any usual form."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest

from connectors import exchange
from connectors.exchange import Draft, Exchange

SECRET = 'a b+c/d"é'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote_plus(SECRET).replace("%2B", "%2b").replace("%2F", "%2f").replace("%C3%A9", "%c3%a9"),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    ],
)
def test_a_secret_is_starred_in_each_of_its_forms(form: str) -> None:
    data = exchange.scrubbed(f"before {form} after".encode(), [SECRET, ""])
    assert data == b"before *** after"


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"message=hi&access_token=EAAB123&x=1", b"message=hi&access_token=***&x=1"),
        (b"GET /me?fields=id&appsecret_proof=ff00 HTTP/1.1", b"GET /me?fields=id&appsecret_proof=*** HTTP/1.1"),
        (b'{"access_token" : "EAAB", "id": "1"}', b'{"access_token" : "***", "id": "1"}'),
        (b"my_access_tokens are safe", b"my_access_tokens are safe"),
        (b"GET /debug_token?input_token=EAAB HTTP/1.1", b"GET /debug_token?input_token=*** HTTP/1.1"),
        (
            rb'{"next":"https:\/\/g\/?a=1\u0026access_token=EAAB\u0026b=2"}',
            rb'{"next":"https:\/\/g\/?a=1\u0026access_token=***\u0026b=2"}',
        ),
        (b"u=https%3A%2F%2Fg%2F%3Faccess_token%3DEAAB%26b", b"u=https%3A%2F%2Fg%2F%3Faccess_token%3D***%26b"),
        (rb'{"page_access_token": "EA\/AB", "id": "1"}', b'{"page_access_token": "***", "id": "1"}'),
        (
            rb'{"body": "{\"access_token\": \"EA\\/AB\", \"id\": 1}"}',
            rb'{"body": "{\"access_token\": \"***\", \"id\": 1}"}',
        ),
        (b"{'access_token': 'EAAB', 'id': '1'}", b"{'access_token': '***', 'id': '1'}"),
        (b'OAuth oauth_token="EAAB", oauth_signature="x%2F"', b'OAuth oauth_token="***", oauth_signature="***"'),
        (b"access_token=" + b"A" * 9000 + b"&x=1", b"access_token=***&x=1"),
        (b'{"access_token":"' + b"A" * 9000 + b'"}', b'{"access_token":"***"}'),
    ],
)
def test_what_is_a_secret_by_its_name_is_starred(data: bytes, kept: bytes) -> None:
    assert exchange.scrubbed(data, []) == kept


def test_headers_that_carry_secrets_are_starred_and_others_stay() -> None:
    headers = [("Authorization", "OAuth x"), ("set-COOKIE", "guest=1"), ("Content-Type", "text/plain\r\nX-Evil: 1")]
    told = exchange.message("POST / HTTP/1.1", headers, b"caf\xc3\xa9\0", [])
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[1:3] == [b"Authorization: ***", b"set-COOKIE: ***"]
    assert b"\nX-Evil" not in head
    assert body == b"caf\xc3\xa9\0"


def test_a_large_body_is_told_by_its_hash() -> None:
    small = exchange.message("POST / HTTP/1.1", [], b"x" * exchange.LARGE, [])
    large = exchange.message("POST / HTTP/1.1", [], b"x" * (exchange.LARGE + 1), [])
    assert small.endswith(b"xxx")
    assert b"SHA-256" in large
    assert len(large) < 200


def test_who_listens_hears_its_own_thread_s_exchanges_and_nothing_else() -> None:
    item = Exchange(1, Draft("https://x", b"sent"), None, "no answer")
    exchange.note(item)
    assert not exchange.is_wanted()
    with exchange.collected() as outer:
        with exchange.collected() as inner:
            exchange.note(item)
        exchange.note(item)
    assert (inner, outer) == ([item], [item])
