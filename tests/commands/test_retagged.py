"""Tags decide how much approval a post needs: whoever changes them has what was said of it said anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from governance import rules, tiers
from tests.commands.office import Office
from tests.commands.test_review import AT, joined, ok

TIERS = """
[tier.standard]
approvals = 1
window = "24h"
expires = "30d"

[tier.election]
approvals = 2
roles = ["director", "steward"]
window = "1h"
expires = "7d"

[[rule]]
tier = "election"
tags = ["election"]

"""
CALENDAR = """owner: pat
entries:
  - id: levy
    at: 2099-01-01 09:00
    channels: [parks]
    text: The levy is on the ballot.
    tags: [{tag}]
"""


@pytest.fixture
def strict(office: Office) -> Iterator[Office]:
    """A city where posts about elections need two of its directors or stewards, others anybody who may approve."""
    shipped = tiers.SHIPPED.read_text(encoding="utf-8")
    words = shipped[shipped.index("[attestation]") :]
    (office.city.root / "approvals.toml").write_text(TIERS + words, encoding="utf-8")
    office.city.set(approval="required", approvals="approvals.toml")
    yield office
    rules.use(rules.Rules())


def _post(office: Office) -> Any:
    return ok(office, "post", "show", "1", "--json").data


def test_who_approves_does_not_choose_the_tier(strict: Office) -> None:
    """CT-1: who takes the tag away must have the post handed in anew, and cannot approve what they hand in."""
    pat, otis = joined(strict, "pat", "administrator"), joined(strict, "otis", "operator")
    ok(strict, "post", "add", "--channel", "parks", *AT, "--text", "The levy.", "--tag", "election", who=pat)
    ok(strict, "post", "submit", "1", "--attest", who=pat)
    assert "election asks for director or steward" in strict.fails("post", "approve", "1", STANDFAST_TOKEN=otis)
    ok(strict, "post", "edit", "1", "--set-tag", "pool", who=otis)
    assert "post 1 is not handed in" in strict.fails("post", "approve", "1", STANDFAST_TOKEN=otis)
    ok(strict, "post", "submit", "1", "--attest", who=otis)
    assert "cannot approve a post of their own" in strict.fails("post", "approve", "1", STANDFAST_TOKEN=otis)
    assert _post(strict)["state"] == "in_review"


def test_a_calendar_that_changes_tags_voids_what_was_approved(strict: Office) -> None:
    """CT-1: one approval of the two that a post needs is none of the one that it needs under other tags."""
    pat, cora = joined(strict, "pat", "administrator"), joined(strict, "cora", "steward")
    file = strict.city.root / "calendars" / "parks.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(CALENDAR.format(tag="election"), encoding="utf-8")
    ok(strict, "calendar", "sync", str(file), who=pat)
    ok(strict, "post", "submit", "1", "--attest", who=pat)
    assert "1 more needed" in ok(strict, "post", "approve", "1", who=cora).out
    file.write_text(CALENDAR.format(tag="pool"), encoding="utf-8")
    ok(strict, "calendar", "sync", str(file), who=pat)
    found = _post(strict)
    assert [said["void_reason"] for said in found["approvals"]] == ["its tags changed after it was approved"]
    assert [said["outcome"] for said in found["submissions"]] == ["its tags changed"]
