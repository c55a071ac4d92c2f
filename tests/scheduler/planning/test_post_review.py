"""Handing in, approving, sending back: what each does to a post, who may, and what makes an approval void."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from calendars import zones
from calendars.entry import Occurrence
from config import clock
from governance import access, approvals, delegations, people, rules, tiers
from governance.access import Refused
from governance.authority import Identity
from scheduler.planning import content, post_review, post_service, post_verbs, post_views
from scheduler.planning.post_changes import Done
from scheduler.planning.post_selection import PostError
from scheduler.planning.post_service import Edit
from scheduler.planning.post_verbs import NewTime
from store.engine import reading, writing
from store.governance_tables import Approval, Submission
from store.tables import Post
from tests.commands.test_post import PNG
from tests.governance.authorized import day
from tests.scheduler.desk import CHICAGO, HOUR, MINUTE, Desk, asked, settle

TIERS = tiers.read(tiers.SHIPPED)


@pytest.fixture(autouse=True)
def _approval() -> Iterator[None]:
    rules.use(rules.Rules(approval=True))
    yield
    rules.use(rules.Rules())


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


@pytest.fixture
def pia(desk: Desk) -> Identity:
    """Another who may approve everywhere."""
    return joined(desk, "pia", "operator")


def joined(desk: Desk, person: str, role: str | None = None) -> Identity:
    """A new person, signed in."""
    with writing(desk.engine) as session:
        people.add_person(session, desk.ana, person, person.title())
        if role is not None:
            people.grant(session, desk.ana, person, role)
        token = people.create_token(session, desk.ana, person).token
    return access.sign_in(desk.engine, token)


def act(desk: Desk, verb: Callable[..., Done], who: Identity, ids: list[int], *more: Any, **named: Any) -> Done:
    """A verb done."""
    with access.acting(desk.engine) as session:
        return verb(session, asked(who, ids, **named), *more)


def submit(desk: Desk, *ids: int, who: str = "pat") -> Done:
    return act(desk, post_review.submit, desk.people[who], [*ids], TIERS)


def approve(desk: Desk, *ids: int, who: Identity | None = None, **named: Any) -> Done:
    return act(desk, post_review.approve, who or desk.people["otis"], [*ids], TIERS, **named)


def refused(desk: Desk, kind: type[Exception], verb: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """The words of an act that leaves every post, submission and approval as it was."""
    before = desk.states(), rows(desk)
    with pytest.raises(kind) as caught:
        verb(desk, *arguments, **named)
    assert (desk.states(), rows(desk)) == before
    return str(caught.value)


def rows(desk: Desk) -> list[Any]:
    with reading(desk.engine) as session:
        found = [session.exec(select(table).order_by(col(table.id))).all() for table in (Submission, Approval)]
        return [[row.model_dump() for row in table] for table in found]


def written(desk: Desk, **values: Any) -> int:
    """A draft of pat's."""
    return desk.post(**({"state": "draft", "author": "pat"} | values))


def shared(desk: Desk, folder: Path) -> int:
    """A draft of pat's with an image, that shares what somebody looked at."""
    file = folder / "pool.png"
    file.write_bytes(PNG)
    row = content.with_facts(content.keep(folder, file, "The pool."), {"rights": "City"})
    of, checked = "@county", True
    digest = content.content_hash("The pool opens at nine.", [row], of, checked)
    values = {"media": [row], "share_of": of, "source_checked": checked, "content_hash": digest}
    return written(desk, due_in=3 * HOUR, **values)


def lacking(desk: Desk, post: int) -> int:
    """How many approvals it lacks."""
    with reading(desk.engine) as session:
        found = session.get_one(Post, post)
        return approvals.lacking(session, found, TIERS.of(found.channel, found.tags), "")


def test_a_draft_is_handed_in_approved_and_scheduled(desk: Desk) -> None:
    """CT-1, CT-6: with the ten categories in the policy's words, kept with that version."""
    post = written(desk)
    assert [row.after for row in submit(desk, post).changed] == ["in_review"]
    assert desk.found(post).state == "in_review"
    assert [row.words for row in approve(desk, post).changed] == ["approved"]
    assert desk.found(post).state == "scheduled"
    with reading(desk.engine) as session:
        shown = post_views.shown(session, post)
    (submission,) = shown["submissions"]
    assert (submission["by"], submission["outcome"], len(submission["attested"])) == ("pat", "approved", 10)
    assert submission["content_hash"] == desk.found(post).content_hash
    assert submission["attested"][0] == "Confidential or proprietary information"
    (approval,) = shown["approvals"]
    assert (approval["approver"], approval["verdict"], approval["void_reason"]) == ("otis", "approved", None)
    assert [entry.actor for name in ("post.submit", "post.approve") for entry in desk.log(name)] == ["pat", "otis"]


def test_where_posts_are_approved_a_new_one_is_a_draft_and_release_does_not_go_round_it(desk: Desk) -> None:
    at = Occurrence("2099-01-01T09:00", CHICAGO, clock.wall_us() + HOUR)
    new = post_service.NewPost(("parks",), at, "The pool opens.", HOUR)
    with writing(desk.engine) as session:
        added = post_service.add(session, desk.people["pat"], new)
    assert added.state == "draft"
    with pytest.raises(PostError, match="is draft: release takes only held, failed"):
        act(desk, post_verbs.release, desk.people["otis"], [added.ids["parks"]], 0)


@pytest.mark.parametrize("who", ["pat", "otis"])
def test_nobody_approves_their_own(desk: Desk, who: str) -> None:
    """CT-1: neither the author nor whoever handed it in; logged."""
    post = written(desk, author=who)
    submit(desk, post, who=who)
    said = refused(desk, Refused, approve, post, who=desk.people[who])
    assert "cannot approve a post of their own" in said
    assert desk.log("refused")[-1].actor == who


def test_who_hands_in_another_s_post_cannot_approve_it(desk: Desk, pia: Identity) -> None:
    """CT-1."""
    post = written(desk)
    submit(desk, post, who="otis")
    assert "a post of their own" in refused(desk, Refused, approve, post)
    approve(desk, post, who=pia)


@pytest.mark.parametrize("verb", ["approve", "return"])
def test_only_who_may_release_on_the_channel_says_what_becomes_of_it(desk: Desk, verb: str) -> None:
    """GV-4."""
    post = written(desk)
    submit(desk, post)
    for who in ("uma", "pat"):
        acted = {
            "approve": lambda d, w=who: approve(d, post, who=d.people[w]),
            "return": lambda d, w=who: act(d, post_review.send_back, d.people[w], [post], TIERS, "no"),
        }[verb]
        refused(desk, Refused, acted)
        assert desk.log("refused")[-1].actor == who


def test_what_was_not_handed_in_or_changed_since_is_not_approved(desk: Desk, tmp_path: Path) -> None:
    """CT-1."""
    held = desk.post(state="held", author="pat")
    assert f"post {held} is not handed in" in refused(desk, PostError, approve, held)
    post = written(desk)
    assert f"post {post} is draft" in refused(desk, PostError, approve, post)
    submit(desk, post)
    act(desk, post_verbs.edit, desk.people["pat"], [post], Edit(text="At ten."), tmp_path)
    assert "was changed since it was handed in" in refused(desk, PostError, approve, post)
    submit(desk, post)
    approve(desk, post)


@pytest.mark.parametrize("change", ["text", "tags", "time", "share", "rights", "source"])
def test_a_change_voids_an_approval_for_good(desk: Desk, tmp_path: Path, change: str) -> None:
    """CT-1, KS-9: also when it is changed back."""
    post = shared(desk, tmp_path) if change in ("share", "rights", "source") else written(desk, due_in=3 * HOUR)
    before = desk.found(post)
    submit(desk, post)
    approve(desk, post)
    assert lacking(desk, post) == 0
    changes = {
        "text": [Edit(text="At ten."), Edit(text=before.text)],
        "tags": [Edit(tags=("pool",)), Edit(tags=())],
        "share": [Edit(share_of="@other"), Edit(share_of="@county", source_checked=True)],
        "source": [Edit(source_checked=False), Edit(source_checked=True)],
        "rights": [Edit(facts=(("rights", ("Somebody",)),)), Edit(facts=(("rights", ("City",)),))],
    }
    for edit in changes.get(change, []):
        act(desk, post_verbs.edit, desk.people["pat"], [post], edit, tmp_path)
    for at in (before.due_at + 25 * HOUR, before.due_at) if change == "time" else ():
        moment = NewTime(Occurrence(zones.local_of(at, CHICAGO), CHICAGO, at), MINUTE)
        act(desk, post_verbs.reschedule, desk.people["pat"], [post], moment)
    assert desk.found(post).content_hash == before.content_hash
    assert lacking(desk, post) == 1
    submit(desk, post)
    approve(desk, post)
    assert lacking(desk, post) == 0


def test_a_held_post_is_approved_and_waits_on(desk: Desk) -> None:
    """KS-9: approval is not release."""
    post = desk.post(state="held", author="pat", hold_reason="a stop")
    submit(desk, post)
    approve(desk, post)
    assert (desk.found(post).state, lacking(desk, post)) == ("held", 0)


def test_a_small_move_keeps_the_approval(desk: Desk) -> None:
    """CT-1: the twin: within the window nothing is void."""
    post = written(desk, due_in=3 * HOUR)
    submit(desk, post)
    approve(desk, post)
    at = desk.found(post).due_at + 2 * HOUR
    moment = NewTime(Occurrence(zones.local_of(at, CHICAGO), CHICAGO, at), MINUTE)
    act(desk, post_verbs.reschedule, desk.people["pat"], [post], moment)
    assert lacking(desk, post) == 0


@pytest.mark.parametrize("state", ["draft", "scheduled"])
def test_a_late_approval_sends_nothing_stale(desk: Desk, state: str) -> None:
    """CT-1: whose time has passed is held, also within its lateness limit."""
    post = written(desk, state=state, due_in=-MINUTE)
    submit(desk, post)
    approve(desk, post)
    found = desk.found(post)
    assert (found.state, found.hold_reason) == ("held", "its time had passed when otis approved it")


def test_a_post_is_sent_back_with_a_comment_and_handed_in_again(desk: Desk) -> None:
    draft, scheduled = written(desk), desk.post(author="pat")
    submit(desk, draft, scheduled)
    with pytest.raises(PostError, match="give --comment"):
        act(desk, post_review.send_back, desk.people["otis"], [draft], TIERS, " ")
    act(desk, post_review.send_back, desk.people["otis"], [draft, scheduled], TIERS, "which pool?")
    assert desk.found(draft).state == "draft"
    assert (desk.found(scheduled).state, desk.found(scheduled).hold_reason) == (
        "held",
        "otis sent it back: which pool?",
    )
    with pytest.raises(PostError, match="not handed in"):
        act(desk, post_review.send_back, desk.people["otis"], [scheduled], TIERS, "again")
    submit(desk, draft)
    approve(desk, draft)
    assert desk.found(draft).state == "scheduled"


def test_what_was_approved_by_one_of_two_and_sent_back_begins_anew(desk: Desk, pia: Identity) -> None:
    """CT-1."""
    post = written(desk, tags=["election"])
    submit(desk, post)
    assert approve(desk, post).changed[0].words == "approved; 1 more needed"
    assert desk.found(post).state == "in_review"
    assert "has the approval of otis already" in refused(desk, PostError, approve, post)
    act(desk, post_review.send_back, pia, [post], TIERS, "no")
    submit(desk, post)
    assert approve(desk, post).changed[0].words == "approved; 1 more needed"
    assert approve(desk, post, who=pia).changed[0].words == "approved"
    assert desk.found(post).state == "scheduled"


def delegate(desk: Desk, person: str, to: str, channel: str = "*", first: int = 0, last: int = 3) -> int:
    with access.acting(desk.engine) as session:
        return delegations.make(session, desk.ana, person, to, channel, day(first), day(last), "UTC")


def test_somebody_approves_in_another_s_place_while_they_are_away(desk: Desk, pia: Identity) -> None:
    """CT-1: named with both, until the last day, and as long as whom they stand in for may."""
    dan = joined(desk, "dan")
    post = written(desk)
    submit(desk, post)
    refused(desk, Refused, approve, post, who=dan)
    delegate(desk, "pia", "dan", first=1)
    refused(desk, Refused, approve, post, who=dan)
    number = delegate(desk, "pia", "dan", "parks")
    assert approve(desk, post, who=dan).changed[0].words == "approved in the place of pia"
    with reading(desk.engine) as session:
        (told,) = approvals.history(session, post)
    assert (told["approver"], told["principal"]) == ("dan", "pia")
    other = written(desk)
    submit(desk, other)
    with access.acting(desk.engine) as session:
        assert delegations.end(session, dan, number) == "pia"
    refused(desk, Refused, approve, other, who=dan)
    assert lacking(desk, post) == 0
    with writing(desk.engine) as session:
        people.revoke_grant(session, desk.ana, "pia", "operator")
    assert lacking(desk, post) == 1


def test_a_delegate_adds_no_second_voice_and_approves_nobody_s_own(desk: Desk, pia: Identity) -> None:
    """CT-1: two approvals are two people, and an author's delegate is the author."""
    dan = joined(desk, "dan")
    delegate(desk, "pia", "dan")
    post = written(desk, tags=["election"])
    submit(desk, post)
    approve(desk, post, who=dan)
    assert "already" in refused(desk, PostError, approve, post, who=pia)
    own = written(desk, author="pia")
    submit(desk, own)
    refused(desk, Refused, approve, own, who=dan)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("pia", "pia"), "cannot stand in for themselves"),
        (("pat", "otis"), "pat may not approve on all channels"),
        (("pia", "nobody"), "no person 'nobody'"),
        (("pia", "otis", "pool"), "no channel 'pool'"),
        (("pia", "otis", "*", 2, 1), "comes too early"),
        (("pia", "otis", "*", -3, -2), "comes too early"),
    ],
)
def test_a_delegation_that_makes_no_sense_is_refused(desk: Desk, pia: Identity, arguments: Any, expected: str) -> None:
    with pytest.raises(people.PeopleError, match=expected.replace("*", r"\*")):
        delegate(desk, *arguments)


def test_who_is_away_may_be_stood_in_for_by_themselves_or_by_people_only(desk: Desk, pia: Identity) -> None:
    """GV-4: logged."""
    with pytest.raises(Refused), access.acting(desk.engine) as session:
        delegations.make(session, desk.people["otis"], "pia", "otis", "*", day(0), day(1), "UTC")
    with access.acting(desk.engine) as session:
        number = delegations.make(session, pia, "pia", "otis", "*", day(0), day(1), "UTC")
    with pytest.raises(Refused), access.acting(desk.engine) as session:
        delegations.end(session, desk.people["pat"], number)
    assert [entry.actor for entry in desk.log("refused")] == ["otis", "pat"]
    with reading(desk.engine) as session:
        assert [row["state"] for row in delegations.listing(session)] == ["in force"]


def test_a_tier_may_ask_for_a_role(desk: Desk, pia: Identity, tmp_path: Path) -> None:
    """CT-1: tiers are the city's data."""
    file = tmp_path / "approvals.toml"
    text = tiers.SHIPPED.read_text(encoding="utf-8").replace(
        "approvals = 1", 'approvals = 1\nroles = ["records_officer"]', 1
    )
    file.write_text(text, encoding="utf-8")
    mine, post = tiers.read(file), written(desk)
    act(desk, post_review.submit, desk.people["pat"], [post], mine)
    with pytest.raises(Refused, match="standard asks for records_officer"):
        act(desk, post_review.approve, pia, [post], mine)
    with writing(desk.engine) as session:
        people.grant(session, desk.ana, "pia", "records_officer")
    act(desk, post_review.approve, pia, [post], mine)
    assert desk.found(post).state == "scheduled"


def test_a_dry_run_shows_and_changes_nothing(desk: Desk) -> None:
    first, second = written(desk), written(desk, channel="parks", text="The other.")
    submit(desk, first, second)
    before = desk.states(), rows(desk)
    done = approve(desk, first, second, dry=True)
    assert [row.id for row in done.changed] == [first, second]
    assert (desk.states(), rows(desk)) == before


def test_all_or_nothing(desk: Desk) -> None:
    good, bad = written(desk), desk.post(state="held", author="pat")
    submit(desk, good)
    refused(desk, PostError, approve, good, bad)


def test_nobody_approves_more_than_can_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_review, "MOST", 1)
    posts = [written(desk), written(desk)]
    submit(desk, *posts)
    assert "2 posts match, more than 1" in refused(desk, PostError, approve, *posts)
    with pytest.raises(PostError, match="more than 1"):
        act(desk, post_review.send_back, desk.people["otis"], posts, TIERS, "no")
