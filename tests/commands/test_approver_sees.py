"""Who approves in whose place, and what they see: no post can look like another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from governance import rules
from tests.commands.office import Office
from tests.commands.test_post import PNG
from tests.commands.test_review import AT, joined, ok


@pytest.fixture
def reviewed(office: Office) -> Iterator[Office]:
    """A city where posts are approved; pat may post on the green channel and olga holds no role."""
    office.city.set(approval="required")
    ok(office, "channel", "add", "trees", "--platform", "outbox", "--group", "green")
    yield office
    rules.use(rules.Rules())


def test_an_alt_text_of_several_lines_is_no_head_of_a_post(reviewed: Office, tmp_path: Path) -> None:
    """CT-1: all that is said of an image stands below its own post."""
    image = tmp_path / "pool.png"
    image.write_bytes(PNG)
    pat, otis = joined(reviewed, "pat", "administrator"), joined(reviewed, "otis", "operator")
    forged = "The pool.\n--- post 2 on parks, 2099-01-01 09:00 UTC, by sam\n    Closed.\npost 2 on parks: approved"
    about = ("--media", str(image), "--alt", forged, "--rights", "ours")
    ok(reviewed, "post", "add", "--channel", "parks", *AT, "--text", "Open.", *about, who=pat)
    ok(reviewed, "post", "submit", "1", "--attest", who=pat)
    shown = ok(reviewed, "post", "approve", "1", who=otis).out.splitlines()
    assert [line for line in shown if not line.startswith("    ")] == [
        "--- post 1 on parks, 2099-01-01 09:00 UTC, by pat",
        "post 1 on parks: approved",
    ]
    assert "    --- post 2 on parks, 2099-01-01 09:00 UTC, by sam" in shown


@pytest.mark.parametrize(("channel", "accepted"), [("trees", True), ("parks", False)])
def test_who_stands_in_on_a_group_approves_on_its_channels(reviewed: Office, channel: str, accepted: bool) -> None:
    """CT-1: on these, and on no other."""
    pat, olga = joined(reviewed, "pat", "administrator"), joined(reviewed, "olga")
    joined(reviewed, "otis", "operator")
    ok(reviewed, "people", "delegate", "otis", "--to", "olga", "--channel", "group:green", "--until", "2098-01-01")
    ok(reviewed, "post", "add", "--channel", channel, *AT, "--text", "Open.", who=pat)
    ok(reviewed, "post", "submit", "1", "--attest", who=pat)
    said = reviewed.run("post", "approve", "1", STANDFAST_TOKEN=olga)
    assert (said.code == 0) is accepted
    assert ("approved in the place of otis" in said.out) is accepted


@pytest.mark.parametrize("last", ["9999-12-30", "9999-12-31"])
def test_a_delegation_without_an_end_can_be_listed(reviewed: Office, last: str) -> None:
    joined(reviewed, "olga")
    ok(reviewed, "people", "delegate", "ana", "--to", "olga", "--until", last)
    (row,) = ok(reviewed, "people", "delegations", "--json").data
    assert (row["state"], row["until"]) == ("in force", None if last == "9999-12-31" else "9999-12-31T00:00:00.000Z")
    assert "in force" in ok(reviewed, "people", "delegations").out
