"""What people can ask for of posts, on both databases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from config import clock
from governance import access, roles
from governance.access import Refused
from scheduler.planning import content, post_selection, post_service, post_verbs, post_views
from scheduler.planning.post_changes import Done
from scheduler.planning.post_selection import PostError, Wanted
from scheduler.planning.post_service import NewPost
from store.engine import reading
from tests.scheduler.desk import HOUR, MINUTE, Desk, asked, at, settle

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + b"a picture"
GAP = 5 * MINUTE
LATE = 30 * MINUTE


@pytest.fixture(autouse=True)
def _shipped_roles() -> Iterator[None]:
    roles.use(None)
    yield
    roles.use(None)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return settle(engine)


def _add(desk: Desk, who: str = "ana", **values: Any) -> post_service.Added:
    new = {"channels": ("parks",), "at": at("2190-12-01T09:00"), "text": "The pool opens.", "lateness_us": LATE}
    actor = desk.people.get(who, desk.ana)
    with access.acting(desk.engine) as session:
        return post_service.add(session, actor, NewPost(**{**new, **values}))


def _release(desk: Desk, *ids: int, who: str = "otis", gap: int = GAP, **more: Any) -> Done:
    with access.acting(desk.engine) as session:
        return post_verbs.release(session, asked(desk.people[who], ids, **more), gap)


# add


def test_a_post_is_queued_on_every_channel_with_its_hash_and_logged(desk: Desk) -> None:
    added = _add(desk, channels=("parks", "police"), tags=("summer",))
    assert list(added.ids) == ["parks", "police"]
    post = desk.found(added.ids["police"])
    body = b'{"media":[],"text":"The pool opens."}'
    assert (post.state, post.author, post.tags) == ("scheduled", "ana", ["summer"])
    assert post.content_hash == hashlib.sha256(body).hexdigest()
    assert post.due_at == post.ready_at == at("2190-12-01T09:00").at_us
    (entry,) = desk.log("post.add")
    assert json.loads(entry.detail)["content_hash"] == post.content_hash


def test_a_post_on_one_forbidden_channel_is_queued_on_none_and_the_refusal_logged(desk: Desk) -> None:
    with pytest.raises(Refused, match=r"^pat may not queue posts on channel police: pat does not hold 'queue'"):
        _add(desk, "pat", channels=("parks", "police"))
    assert desk.states() == []
    assert [entry.actor for entry in desk.log("refused")] == ["pat"]
    _add(desk, "pat", channels=("parks",))
    assert len(desk.states()) == 1


def test_every_unknown_channel_is_named_with_the_nearest(desk: Desk) -> None:
    with pytest.raises(PostError, match="'park': did you mean 'parks'") as raised:
        _add(desk, channels=("park", "libary", "police"))
    assert len(raised.value.lines) == 2


def test_a_text_too_long_is_refused_with_both_counts(desk: Desk) -> None:
    with pytest.raises(PostError, match=r"library: .*281.*280"):
        _add(desk, channels=("parks", "library"), text="a" * 281)
    _add(desk, channels=("library",), text="a" * 280)
    assert len(desk.states()) == 1


def test_a_post_in_the_past_is_refused_unless_it_shall_go_now(desk: Desk) -> None:
    past = at("2020-01-01T09:00")
    with pytest.raises(PostError, match=r"2020-01-01 09:00 America/Chicago is past"):
        _add(desk, at=past)
    before = clock.wall_us()
    due = desk.found(_add(desk, at=past, past_is_now=True).ids["parks"]).due_at
    assert before <= due <= clock.wall_us()


def test_a_draft_waits(desk: Desk) -> None:
    assert desk.found(_add(desk, draft=True).ids["parks"]).state == "draft"


def test_a_post_queued_during_a_suspension_waits_behind_the_closed_gate(desk: Desk) -> None:
    """KS-8."""
    desk.suspend("channel:parks")
    added = _add(desk, channels=("parks", "police"))
    assert (added.state, added.closed) == ("scheduled", ("parks",))
    with reading(desk.engine) as session:
        listed = {row["channel"]: row["shown"] for row in post_views.listed(session, Wanted(), 10)}
        counted = post_selection.counts(session, Wanted())
    assert listed == {"parks": "scheduled (behind the gate)", "police": "scheduled"}
    assert counted == {"scheduled": 1, "covered": 1}


# views


def test_a_held_post_is_never_shown_or_counted_as_sent(desk: Desk) -> None:
    """KS-13: also when it carries an earlier link."""
    held = desk.post(
        state="held", hold_reason="its time passed", link="https://x.test/1", published_at=5, remote_id="1"
    )
    out = desk.post(state="published", link="https://x.test/2", published_at=clock.wall_us())
    with reading(desk.engine) as session:
        rows = {row["id"]: row for row in post_views.listed(session, Wanted(), 10)}
        counted = post_selection.counts(session, Wanted())
    assert counted == {"published": 1, "held": 1}
    assert rows[held]["shown"] == "held: its time passed"
    assert (rows[held]["link"], rows[held]["published_at"], rows[held]["remote_id"]) == (None, None, None)
    assert rows[out]["link"] == "https://x.test/2"


def test_posts_are_found_by_channel_state_tag_file_and_time(desk: Desk) -> None:
    one = desk.post(tags=["parade", "é"], file="parks.yaml", due_in=HOUR)
    two = desk.post("police", tags=["parades"], due_in=3 * HOUR)
    desk.suspend("channel:police")
    middle = clock.wall_us() + 2 * HOUR

    def ids(**query: Any) -> list[int]:
        with reading(desk.engine) as session:
            return [row["id"] for row in post_views.listed(session, Wanted(**query), 10)]

    assert ids() == [one, two]
    assert ids(tag="parade") == ids(tag="é") == ids(file="parks.yaml") == ids(due_before=middle) == [one]
    assert ids(channels=("police",)) == ids(states=("covered",)) == ids(due_after=middle) == [two]
    assert ids(tag="par%") == ids(states=("held",)) == []
    with pytest.raises(PostError, match=r"'hold'.*did you mean 'held'"):
        ids(states=("hold",))


def test_a_post_is_shown_with_its_attempts(desk: Desk) -> None:
    post = desk.post(state="unknown")
    first, second = desk.attempt(post, "not_sent"), desk.attempt(post, "unknown")
    with reading(desk.engine) as session:
        shown = post_views.shown(session, post)
    assert [(row["id"], row["state"]) for row in shown["attempts"]] == [(first, "not_sent"), (second, "unknown")]


# close


def test_a_person_closes_an_unknown_outcome_as_published(desk: Desk) -> None:
    post = desk.post(state="unknown")
    attempt = desk.attempt(post, "unknown")
    with access.acting(desk.engine) as session:
        assert post_service.close(session, desk.people["otis"], post, "https://x.test/9") == "published"
    assert (desk.found(post).state, desk.found(post).link) == ("published", "https://x.test/9")
    row = desk.attempt_row(attempt)
    assert (row.state, row.closed_by) == ("closed_by_person", "otis")
    assert [entry.actor for entry in desk.log("post.close")] == ["otis"]


def test_a_person_closes_an_unknown_outcome_as_not_published(desk: Desk) -> None:
    post = desk.post(state="unknown")
    attempt = desk.attempt(post, "unknown")
    with access.acting(desk.engine) as session:
        assert post_service.close(session, desk.people["otis"], post, None) == "held"
    assert desk.found(post).hold_reason == "otis says it was not published"
    assert desk.attempt_row(attempt).state == "closed_by_person"


@pytest.mark.parametrize("state", ["scheduled", "publishing", "published", "held", "cancelled"])
def test_a_post_whose_outcome_is_known_cannot_be_closed(desk: Desk, state: str) -> None:
    post = desk.post(state=state)
    if state == "publishing":
        desk.attempt(post, "sending")
    with pytest.raises(PostError), access.acting(desk.engine) as session:
        post_service.close(session, desk.people["otis"], post, None)
    assert desk.found(post).state == state


def test_closing_needs_the_right_to_release_and_a_link(desk: Desk) -> None:
    post = desk.post(state="unknown")
    with pytest.raises(Refused), access.acting(desk.engine) as session:
        post_service.close(session, desk.people["pat"], post, None)
    with pytest.raises(PostError, match="is not a link"), access.acting(desk.engine) as session:
        post_service.close(session, desk.people["otis"], post, "javascript:x")
    assert desk.found(post).state == "unknown"


# content


def test_an_image_is_kept_whole_under_its_digest(tmp_path: Path) -> None:
    source = tmp_path / "pool.png"
    source.write_bytes(PNG)
    row = content.keep(tmp_path / "data", source, " The pool. ")
    digest = hashlib.sha256(PNG).hexdigest()
    assert row == {"file": f"{digest}.png", "alt": "The pool.", "mime": "image/png", "sha256": digest}
    assert [path.name for path in (tmp_path / "data" / "media").iterdir()] == [f"{digest}.png"]
    (media,) = content.stored(tmp_path / "data", [row])
    assert media.path.read_bytes() == PNG


def test_an_image_without_words_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "pool.png"
    source.write_bytes(PNG)
    with pytest.raises(content.ContentError, match=r"pool\.png has no alt text"):
        content.keep(tmp_path / "data", source, "  ")
    assert not (tmp_path / "data").exists()


def test_the_hash_changes_with_text_image_and_alt_and_with_nothing_else() -> None:
    row = {"file": "a.png", "alt": "A", "mime": "image/png", "sha256": "0" * 64}
    base = content.content_hash("é", [row])
    assert base == content.content_hash("é", [{**row, "file": "b.png"}])
    others = [("e", [row]), ("é", []), ("é", [{**row, "alt": "B"}]), ("é", [{**row, "sha256": "1" * 64}])]
    assert base not in {content.content_hash(text, rows) for text, rows in others}


def test_the_hash_covers_what_a_post_says_about_itself_and_stays_where_it_says_nothing() -> None:
    """CT-1: what was approved before posts could say it stays approved."""
    row = {"file": "a.png", "alt": "A", "mime": "image/png", "sha256": "0" * 64}
    body = f'{{"media":[{{"alt":"A","sha256":"{row["sha256"]}"}}],"text":"x"}}'
    assert (
        content.content_hash("x", [{**row, "rights": "", "captions": ""}]) == hashlib.sha256(body.encode()).hexdigest()
    )
    said = [
        content.content_hash("x", [row]),
        content.content_hash("x", [{**row, "rights": "City"}]),
        content.content_hash("x", [{**row, "captions": "City"}]),
        content.content_hash("x", [row], "@county"),
        content.content_hash("x", [row], "@county", source_checked=True),
        content.content_hash("x", [row], "@state"),
    ]
    assert len(set(said)) == len(said)
