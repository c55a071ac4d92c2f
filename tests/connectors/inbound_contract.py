"""What every connector does that offers what the public writes: it reads all of it, and nothing but reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from config import clock
from connectors.errors import ConnectorError, RateLimited, SignIn
from connectors.protocol import HEARD, Deadline, Heard, Inbound, Prepared, Search
from sandbox.client import Client
from tests.connectors.contract import HOUR_US, clean, message, permit

DAY_S = 86400.0
BRIEF = 0.75


class InboundContract:
    """Subclass it beside `HttpContract`; give `owner`, `platform` and the words for its kinds in the sandbox."""

    hears = True
    canaries: tuple[str, ...] = ()
    platform, owner = "", ""
    answers: tuple[str, ...] = ()
    """The sandbox's kinds of what stands under a post, each with what `Heard.kind` calls it after a colon."""
    others: tuple[str, ...] = ()
    """And of what stands by itself."""

    def connector(self, base_url: str) -> Any:
        """A connector that asks `base_url`."""
        raise NotImplementedError

    @pytest.fixture
    def hearing(self, box: Client) -> Iterator[Inbound]:
        """A connector to the sandbox."""
        connector = self.connector(box.url)
        yield connector
        connector.close()

    def post(self, box: Client) -> str:
        """The id of a post of the account's own."""
        connector = self.connector(box.url)
        published: str = connector.publish(message(), Prepared(), permit()).remote_id
        connector.close()
        return published

    def say(self, box: Client, kind: str, text: str, **more: Any) -> str:
        """The id of what somebody writes there."""
        return box.say(self.platform, self.owner, kind.partition(":")[0], text, **more)

    @staticmethod
    def heard(hearing: Inbound, since_s: float = DAY_S, until_s: float = -3600.0) -> dict[str, Heard]:
        """What was written in the window, which ends `until_s` ago, by id."""
        now = clock.wall_us()
        window = Search(now - int(since_s * clock.SECOND), now - int(until_s * clock.SECOND))
        return {item.remote_id: item for item in hearing.inbound(window, Deadline.after(10))}

    def test_nothing_is_heard_where_nobody_wrote(self, box: Client, hearing: Inbound) -> None:
        self.post(box)
        assert self.heard(hearing) == {}

    def test_all_that_the_public_writes_is_heard(self, box: Client, hearing: Inbound) -> None:
        """RC-5: comments, replies and mentions, with who wrote what, when, under what, and the platform's own JSON."""
        post, before = self.post(box), clock.wall_us()
        words = "Is it <open> & free?\n\N{SNOWMAN} \U0001f600 \u202e"
        made = {self.say(box, kind, f"{kind} {words}", under=post): kind for kind in self.answers}
        made |= {self.say(box, kind, f"{kind} {words}"): kind for kind in self.others}
        found = self.heard(hearing)
        assert {number: item.text for number, item in found.items()} == {
            number: f"{kind} {words}" for number, kind in made.items()
        }
        assert {number: item.kind for number, item in found.items()} == {
            number: kind.partition(":")[2] for number, kind in made.items()
        }
        for number, item in found.items():
            assert item.kind in HEARD
            assert "Pat Doe" in item.author
            assert item.at_us is not None
            assert before - clock.SECOND <= item.at_us <= clock.wall_us()
            assert item.in_reply_to == (post if made[number] in self.answers else "")
            assert item.link.startswith("https://")
            assert words.split()[0] in item.raw.decode()
            assert isinstance(json.loads(item.raw), dict)
            assert not item.own
        assert [line.method for line in box.arrivals("other")] == ["GET"] * len(box.arrivals("other"))
        assert len(box.arrivals()) == 1

    def test_the_window_is_kept_and_what_comes_late_lies_in_a_wider_one(self, box: Client, hearing: Inbound) -> None:
        """RC-5."""
        post = self.post(box)
        old = self.say(box, self.answers[0], "An hour ago", under=post, seconds_ago=3600)
        new = self.say(box, self.answers[0], "Just now", under=post)
        assert set(self.heard(hearing, 1800)) == {new}
        assert set(self.heard(hearing, 7200)) == {old, new}
        assert set(self.heard(hearing, 7200, 1800)) == {old}

    def test_more_than_one_page_is_read(self, box: Client, hearing: Inbound) -> None:
        post = self.post(box)
        made = {self.say(box, self.answers[0], f"Number {number}", under=post) for number in range(130)}
        assert set(self.heard(hearing)) == made

    def test_an_edit_is_seen_under_the_same_id(self, box: Client, hearing: Inbound) -> None:
        """RC-5: also when it is looked at again."""
        post = self.post(box)
        number = self.say(box, self.answers[0], "Befor", under=post)
        other = self.say(box, self.answers[0], "Stays", under=post)
        box.reword(number, "Before")
        box.reword(number, "After")
        assert {number: item.text for number, item in self.heard(hearing).items()} == {number: "After", other: "Stays"}
        again = hearing.again([number, other], Deadline.after(10))
        assert {number: item and item.text for number, item in again.items()} == {number: "After", other: "Stays"}

    def test_what_is_gone_is_told_from_what_is_there(self, box: Client, hearing: Inbound) -> None:
        """RC-5: one that was taken back hides none of the others."""
        post = self.post(box)
        made = [self.say(box, self.answers[0], f"Number {number}", under=post) for number in range(9)]
        for number in (made[0], made[5]):
            box.unsay(number)
        again = hearing.again(made, Deadline.after(10))
        assert {number for number, item in again.items() if item is None} == {made[0], made[5]}
        assert {number: item.text for number, item in again.items() if item} == {
            number: f"Number {place}" for place, number in enumerate(made) if place not in (0, 5)
        }
        assert hearing.again([], Deadline.after(10)) == {}
        assert hearing.again(["../etc", ""], Deadline.after(10)) == {}

    @pytest.mark.parametrize("fault", ["500", "garbage", "half_body", "redirect_302", "500_empty"])
    def test_a_platform_that_fails_is_an_error_and_nothing_is_gone(
        self, box: Client, hearing: Inbound, fault: str
    ) -> None:
        """RC-5: "gone" is never said by a platform that did not answer."""
        post = self.post(box)
        number = self.say(box, self.answers[0], "Hello", under=post)
        box.fault(fault, kind="other", count=None)
        with pytest.raises(ConnectorError) as failure:
            self.heard(hearing)
        clean(failure.value, self.canaries)
        with pytest.raises(ConnectorError) as failure:
            hearing.again([number], Deadline.after(10))
        clean(failure.value, self.canaries)

    def test_a_limit_and_a_lost_sign_in_are_told(self, box: Client, hearing: Inbound) -> None:
        box.fault("429", kind="other", count=1)
        with pytest.raises(RateLimited):
            self.heard(hearing)
        box.fault("401", kind="other", count=1)
        with pytest.raises(SignIn):
            self.heard(hearing)

    def test_a_look_ends_by_its_deadline(self, box: Client, hearing: Inbound) -> None:
        box.fault("timeout_before", kind="other", seconds=5, count=None)
        begun, now = clock.boot_s(), clock.wall_us()
        with pytest.raises(ConnectorError):
            list(hearing.inbound(Search(now - HOUR_US, now), Deadline.after(BRIEF)))
        assert clock.boot_s() - begun < BRIEF + 1
