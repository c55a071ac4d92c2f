"""What every connector that speaks HTTP does, whatever the network and the platform do to it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from config import clock
from connectors import exchange
from connectors.errors import (
    CannotTell,
    ConnectorError,
    NotSent,
    PublishError,
    RateLimited,
    Rejected,
    SignIn,
    Uncertain,
)
from connectors.http import BODY_LIMIT
from connectors.protocol import Connector, Deadline, Media, Prepared, Published
from sandbox.client import Client
from tests.connectors.contract import ConnectorContract, World, clean, message, permit, search
from tests.connectors.faults import (
    RAW_FAULTS,
    RAW_HANGS,
    SANDBOX_FAULTS,
    SANDBOX_HANGS,
    answers,
    close_at_once,
    full_backlog,
    not_http,
)
from tests.connectors.server import Connection, Script, Server

BRIEF = 0.75
"""Seconds of a deadline that is meant to pass."""


class HttpContract(ConnectorContract):
    """Subclass it; give `canaries` (every secret of `connector`) and `connector`."""

    canaries: tuple[str, ...] = ()
    too_many: bytes = b'{"title": "Too Many Requests"}'

    def connector(self, base_url: str) -> Connector:
        """A connector that sends to `base_url`."""
        raise NotImplementedError

    @pytest.fixture
    def world(self, box: Client) -> Iterator[World]:
        """The sandbox and a connector to it."""
        connector = self.connector(box.url)
        yield World(connector, lambda: len(box.arrivals()))
        connector.close()

    def fails(self, base_url: str, seconds: float = 10.0, **permit_options: Any) -> PublishError:
        """The error of a publish to `base_url`; it shows nothing secret and came by the deadline."""
        connector = self.connector(base_url)
        begun = clock.boot_s()
        with pytest.raises(PublishError) as failure:
            connector.publish(message(), Prepared(), permit(seconds, **permit_options))
        assert clock.boot_s() - begun < seconds + 1
        connector.close()
        clean(failure.value, self.canaries)
        return failure.value

    def test_what_is_kept_of_an_exchange_has_no_secret(self, world: World) -> None:
        """RC-1: not in a header, a parameter or an answer that repeats it."""
        with exchange.collected() as seen:
            world.connector.publish(message(), Prepared(), permit())
        for item in (seen[0].sent, seen[0].answer):
            assert item is not None
            kept = item.body + item.url.encode()
            assert not [canary for canary in self.canaries if canary.encode() in kept]

    @pytest.mark.parametrize(("fault", "outcome"), SANDBOX_FAULTS)
    def test_a_fault_has_its_outcome(self, box: Client, fault: str, outcome: type[PublishError]) -> None:
        """I3, I5: one request whatever happens, and no outcome says more than is known."""
        box.fault(fault)
        error = self.fails(box.url)
        assert type(error) is outcome
        assert len(box.arrivals("all")) == 1

    @pytest.mark.parametrize("fault", SANDBOX_HANGS)
    def test_a_hang_ends_by_the_deadline_and_is_unknown(self, box: Client, fault: str) -> None:
        box.fault(fault, seconds=5)
        assert type(self.fails(box.url, BRIEF)) is Uncertain
        assert len(box.arrivals("all")) == 1

    @pytest.mark.parametrize("fault", RAW_FAULTS)
    def test_a_strange_answer_has_its_outcome(self, fault: str) -> None:
        script, outcome = RAW_FAULTS[fault]
        with Server(script) as server:
            error = self.fails(server.url)
        assert type(error) is outcome
        assert len(server.connections) == 1

    @pytest.mark.parametrize("hang", RAW_HANGS)
    def test_no_drip_outlasts_the_deadline(self, hang: str) -> None:
        with Server(RAW_HANGS[hang]) as server:
            assert type(self.fails(server.url, BRIEF)) is Uncertain
        assert len(server.connections) == 1

    @pytest.mark.parametrize(
        ("header", "wait"),
        [
            ("Retry-After: 17", 17),
            ("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Retry-After: 99999999999", 86_400),
            ("Retry-After: -1", None),
            ("Retry-After: soon", None),
            ("Retry-After: 9e9", None),
            ("X-Nothing: 1", None),
        ],
    )
    def test_a_rate_limit_says_until_when(self, header: str, wait: float | None) -> None:
        with Server(answers(429, self.too_many, header)) as server:
            error = self.fails(server.url)
        assert isinstance(error, RateLimited)
        assert error.retry_after_s == wait

    def test_a_reset_at_once_is_never_said_to_be_not_sent_when_a_byte_went_out(self) -> None:
        """I5: which of the two it is depends on the moment; what is said is a fact either way."""
        looks: list[int] = []
        with Server(Connection.reset) as server:
            error = self.fails(server.url, look=lambda: looks.append(1))
        assert type(error) is (Uncertain if looks else NotSent)

    def test_a_refused_connection_is_not_sent(self) -> None:
        with Server(close_at_once) as server:
            pass
        assert type(self.fails(server.url)) is NotSent

    def test_a_connection_that_is_never_accepted_is_not_sent(self) -> None:
        with full_backlog() as url:
            assert type(self.fails(url, BRIEF)) is NotSent

    def test_an_unknown_name_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        assert type(self.fails("https://platform.invalid")) is NotSent

    def test_a_name_that_is_never_resolved_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        over = threading.Event()

        def hang(*_: object, **__: object) -> list[object]:
            over.wait()
            return []

        monkeypatch.setattr(socket, "getaddrinfo", hang)
        try:
            assert type(self.fails("https://platform.invalid", BRIEF)) is NotSent
        finally:
            over.set()

    @pytest.mark.parametrize(
        "script", [RAW_HANGS["silence"], not_http, lambda c: c.sock.recv(9) and c.reset(), close_at_once]
    )
    def test_a_handshake_that_fails_is_not_sent(self, script: Script) -> None:
        """The last look is not even taken before the connection stands."""
        looks: list[int] = []
        with Server(script) as server:
            error = self.fails(server.url.replace("http", "https"), BRIEF, look=lambda: looks.append(1))
        assert type(error) is NotSent
        assert looks == []
        assert all(request[:1] == b"\x16" for request in server.requests())  # a ClientHello, no request

    def test_a_refused_last_look_leaves_not_one_byte_on_the_wire(self) -> None:
        """KS-2: the connection stands, and nothing is written into it."""

        def look() -> None:
            raise NotSent("the stop cell holds S")

        with Server(Connection.read_to_end) as server:
            assert type(self.fails(server.url, look=look)) is NotSent
        assert [bytes(connection.received) for connection in server.connections] == [b""]

    def test_a_last_look_that_takes_too_long_is_followed_by_nothing(self) -> None:
        """A worker that was stopped during the last look does not write after its deadline."""
        with Server(Connection.read_to_end) as server:
            error = self.fails(server.url, BRIEF, look=lambda: threading.Event().wait(BRIEF * 1.2))
        assert type(error) is NotSent
        assert server.requests() == []

    def test_nothing_is_taken_from_the_environment(self, box: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        connector = self.connector(box.url)
        assert isinstance(connector.publish(message(), Prepared(), permit()), Published)
        connector.close()

    def test_an_answer_up_to_the_limit_is_read(self) -> None:
        body = b'{"id": "12_34", "data": {"id": "12"}}'
        with Server(answers(200, body + b" " * (BODY_LIMIT - len(body)))) as server:
            connector = self.connector(server.url)
            assert connector.publish(message(), Prepared(), permit()).remote_id in ("12", "12_34")
            connector.close()

    def test_what_the_platform_says_cannot_carry_our_secrets_into_a_message(self) -> None:
        """SE-3: platforms repeat tokens and addresses in their errors."""
        said = "Malformed token " + " ".join(self.canaries) + " at https://host/?access_token=1\\n\\u001b[31mred"
        body = f'{{"error": {{"code": 100, "message": "{said}"}}, "detail": "{said}"}}'.encode()
        with Server(answers(400, body)) as server:
            error = self.fails(server.url)
        assert type(error) is Rejected
        assert "Malformed token ***" in error.detail
        assert "\x1b" not in error.detail

    def test_no_secret_is_logged(self, box: Client, caplog: pytest.LogCaptureFixture) -> None:
        """SE-3: not even at DEBUG, and not when headers are malformed."""
        caplog.set_level(logging.DEBUG)
        connector = self.connector(box.url)
        connector.publish(message(), Prepared(), permit())
        assert connector.find(message(), search(), Deadline.after(10))
        connector.close()
        with Server(lambda c: c.answer(200, b"{}", ("Bad header", "Worse"))) as server:
            self.fails(server.url)
        for canary in self.canaries:
            assert canary not in caplog.text

    @pytest.mark.parametrize(("fault", "outcome"), SANDBOX_FAULTS)
    def test_a_fault_while_preparing_never_leaves_the_post_unknown(
        self, box: Client, picture: Media, fault: str, outcome: type[PublishError]
    ) -> None:
        box.fault(fault, kind="other", count=None)
        connector = self.connector(box.url)
        with pytest.raises(PublishError) as failure:
            connector.prepare(message(media=(picture,)), Deadline.after(10))
        connector.close()
        assert type(failure.value) is (NotSent if issubclass(outcome, Uncertain) else outcome)
        assert len(box.arrivals("all")) == 1
        clean(failure.value, self.canaries)

    def test_a_hang_while_preparing_ends_by_the_deadline(self, box: Client, picture: Media) -> None:
        box.fault("timeout_before", kind="other", seconds=5)
        connector = self.connector(box.url)
        begun = clock.boot_s()
        with pytest.raises(NotSent):
            connector.prepare(message(media=(picture,)), Deadline.after(BRIEF))
        assert clock.boot_s() - begun < BRIEF + 1
        connector.close()

    def test_an_image_goes_out_with_its_text_alternative(self, box: Client, picture: Media) -> None:
        connector = self.connector(box.url)
        said = message(media=(picture,))
        prepared = connector.prepare(said, Deadline.after(10))
        assert box.arrivals() == []
        published = connector.publish(said, prepared, permit())
        assert connector.find(said, search(), Deadline.after(10)) == published
        connector.close()
        (post,) = box.posts()
        (medium,) = post["media"]
        assert (medium["alt"], medium["sha256"]) == (picture.alt, picture.sha256)

    def test_an_image_that_changed_since_is_rejected(self, box: Client, picture: Media) -> None:
        picture.path.write_bytes(picture.path.read_bytes() + b"!")
        connector = self.connector(box.url)
        with pytest.raises(Rejected, match="not the image that was queued"):
            connector.prepare(message(media=(picture,)), Deadline.after(10))
        connector.close()
        assert box.arrivals("all") == []

    @pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "half_body", "garbage", "no_id"])
    def test_what_went_out_unanswered_is_found(self, box: Client, fault: str) -> None:
        """KS-3: unknown is settled with the platform."""
        box.fault(fault, seconds=5)
        self.fails(box.url, BRIEF if fault == "timeout_after" else 10)
        connector = self.connector(box.url)
        found = connector.find(message(), search(), Deadline.after(10))
        connector.close()
        assert found is not None
        assert [post["id"] for post in box.posts()] == [found.remote_id]

    def test_what_did_not_go_out_is_not_found(self, box: Client) -> None:
        box.fault("timeout_before", seconds=5)
        self.fails(box.url, BRIEF)
        connector = self.connector(box.url)
        assert connector.find(message(), search(), Deadline.after(10)) is None
        connector.close()

    @pytest.mark.parametrize(
        "fault", ["500", "401", "429", "garbage", "500_empty", "half_body", "no_id", "redirect_302"]
    )
    def test_a_platform_that_cannot_be_asked_cannot_tell(self, box: Client, fault: str) -> None:
        """I5: "not found" is never said by a platform that did not answer."""
        box.fault(fault, kind="other", count=None)
        connector = self.connector(box.url)
        with pytest.raises(CannotTell) as failure:
            connector.find(message(), search(), Deadline.after(10))
        with pytest.raises(ConnectorError) as test_failure:
            connector.test(Deadline.after(10))
        connector.close()
        clean(failure.value, self.canaries)
        clean(test_failure.value, self.canaries)

    def test_a_revoked_token_is_a_sign_in_error(self, box: Client) -> None:
        for token in self.canaries:
            with suppress(Exception):
                box.revoke(token)
        assert type(self.fails(box.url)) is SignIn

    def test_a_post_without_words_cannot_be_recognised(self, box: Client) -> None:
        connector = self.connector(box.url)
        with pytest.raises(CannotTell):
            connector.find(message(" "), search(), Deadline.after(10))
        connector.close()

    def test_spaces_and_composed_characters_do_not_hide_a_post(self, box: Client) -> None:
        connector = self.connector(box.url)
        published = connector.publish(message("Café  open\n\nat <9> &amp; 10"), Prepared(), permit())
        same = message("Cafe\N{COMBINING ACUTE ACCENT} open at <9> &amp; 10 ")
        assert connector.find(same, search(), Deadline.after(10)) == published
        connector.close()

    def test_a_post_outside_the_window_is_not_found(self, box: Client) -> None:
        connector = self.connector(box.url)
        connector.publish(message(), Prepared(), permit())
        window = search()
        before = type(window)(window.since_us, clock.wall_us() - 60 * clock.SECOND)
        assert connector.find(message(), before, Deadline.after(10)) is None
        connector.close()
