"""RC-4: what retention knows of a record: its post, when it was superseded, and the incidents that it belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from records.retention import facts
from records.retention.facts import Item
from store.crisis_tables import NativePost, Override
from store.engine import reading, writing
from store.record_tables import Record
from store.tables import Attempt, Post, Suspension, SuspensionInflight
from tests.records.retention.store import Old, ago, plan, rule


def _item(old: Old, number: int) -> Item:
    with reading(old.engine) as session:
        (found,) = facts.of_records(session, [session.get_one(Record, number)])
    return found


def _in_flight(post: int, suspension: int) -> list[Any]:
    attempt = Attempt(
        id=7, post_id=post, channel="parks", state="published", worker="w", idempotency_key="k", content_hash="h",
        claim_epoch=1, claimed_at=1,
    )  # fmt: skip
    return [attempt, SuspensionInflight(suspension_id=suspension, attempt_id=7, state_then="sending")]


TIES: dict[str, Any] = {
    "emergency lane": lambda post, number: [
        Override(post_id=post, content_hash="h", epoch=1, suspension_id=number, by="e", at=1)
    ],
    "sweep": lambda post, number: [
        NativePost(channel="parks", remote_id="r", suspension_id=number, post_id=post, found_at=1)
    ],
    "in flight": _in_flight,
}


@pytest.mark.parametrize("tie", TIES)
def test_a_post_belongs_to_the_suspension_that_it_met(old: Old, tie: str) -> None:
    """RC-4: and is never due while that is not lifted."""
    schedule = plan(rule("a", "1 day", "published"))
    post, number = old.post(), old.suspension("compromise")
    assert _item(old, 1).incidents == ()
    assert old.verdict(1, schedule).due_at is not None
    with writing(old.engine) as session:
        session.add_all(TIES[tie](post, number))
    assert [(item.number, item.kind, item.ended_at) for item in _item(old, 1).incidents] == [(1, "compromise", None)]
    assert old.verdict(1, schedule).why == "suspension 1 is not lifted"
    old.change(Suspension, 1, lifted_epoch=3, lifted_at=ago(9), lifted_by="dora")
    assert old.verdict(1, schedule).due_at is not None


def test_a_version_is_superseded_by_the_next_of_the_same_post(old: Old) -> None:
    first, other = old.post("One", 100), old.post("Other", 100)
    old.change(Post, first, text="Two", changed_at=ago(50))
    old.name()
    assert other == 2
    later = old.records(series="post", post_id=first)[1]
    assert [_item(old, number).superseded_at for number in (1, 2, later.id or 0)] == [later.at, None, None]
    assert (_item(old, 1).post_id, _item(old, 1).kind, _item(old, 1).number) == (first, "record", 1)


def test_the_tags_of_the_post_and_what_no_chain_names_yet(old: Old) -> None:
    """A record that the chain does not name is not proposed: its tombstone would prove nothing."""
    post = old.post(tags=["council"])
    item = _item(old, 1)
    assert item.post is not None
    assert (item.post.number, item.post.tags, item.post.kept) == (post, frozenset({"council"}), True)
    schedule = plan(rule("a", "1 day", "published", tags=["council"]))
    assert len(old.due(schedule).due) == 1
    old.change(Record, 1, entry_seq=None)
    assert old.due(schedule).due == []
