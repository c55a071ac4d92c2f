"""`standfast crisis checklist --tick`: a named person says that an item is done, or that somebody looked at a platform."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from config import clock
from crisis import plan as plans
from crisis import tick
from governance.authority import Identity
from records.log import entries
from records.verify import verify
from scheduler import receipt
from store.crisis_tables import Tick
from store.engine import cursor, dialect, reading, writing
from store.tables import Attempt, Channel, Post
from tests.commands.office import Office
from tests.commands.test_notices import lift, suspend

ANA = Identity("ana", "Ana Ruiz", "token")


def _channel(office: Office, name: str, platform: str) -> None:
    with writing(office.engine) as session:
        session.add(Channel(name=name, platform=platform, created_at=1))


def _complete(engine: Engine, number: int) -> bool:
    with reading(engine) as session:
        return receipt.build(cursor(session), dialect(session), number, 60.0).complete


def _items(office: Office, *arguments: str) -> dict[str, list[dict[str, object]]]:
    """Item → its ticks, as the list shows them."""
    data = office.run("crisis", "checklist", *arguments, "--json").data
    return {item["id"]: item["ticked"] for phase in data["phases"] for item in phase["items"]}


def test_a_tick_names_who_and_when_and_stands_in_the_log(office: Office) -> None:
    number = suspend(office)
    said = office.run("crisis", "checklist", "--tick", "stop", "--note", "from the EOC")
    assert said.code == 0
    assert said.err.startswith(f"TICKED  stop of suspension {number} by ana at 20")
    (ticked,) = _items(office)["stop"]
    assert (ticked["suspension"], ticked["by"], ticked["note"]) == (number, "ana", "from the EOC")
    assert _items(office)["read-receipt"] == []
    (entry,) = entries(office.engine, action="checklist.tick")
    assert (entry["actor"], entry["subject"], entry["detail"]) == (
        "ana",
        f"suspension {number}",
        {"item": "stop", "note": "from the EOC"},
    )
    shown = office.run("crisis", "checklist").out.splitlines()
    assert next(line for line in shown if "  stop " in line).split()[2:4] == ["ana", "at"]
    assert next(line for line in shown if " read-receipt " in line).split()[2:4] == ["to", "do"]
    assert verify(office.engine).ok


def test_the_stop_is_done_by_the_act(office: Office) -> None:
    """Nobody need say a second time that it was stopped; the twin is the next item, and a day on which nothing is suspended."""
    assert _items(office)["stop"] == []
    number = suspend(office)
    (done,) = _items(office)["stop"]
    assert (done["suspension"], done["note"]) == (number, "the stop itself")
    assert _items(office)["read-receipt"] == []


def test_nobody_has_looked_before_the_calls_have_ended(office: Office) -> None:
    """KS-16: a call under way may still leave something there; the twin is the same tick once it has ended."""
    _channel(office, "parks-x", "x")
    number, attempt = suspend(office), _sending(office, "parks-x")
    said = office.fails("crisis", "checklist", "--tick", "planner:parks-x")
    assert "1 call(s) to parks-x are not confirmed: look there once it is quiet" in said
    with writing(office.engine) as session:
        session.get_one(Attempt, attempt).state = "published"
    assert office.run("crisis", "checklist", "--tick", "planner:parks-x").code == 0
    assert _complete(office.engine, number)


def _sending(office: Office, channel: str) -> int:
    """The id of an attempt at a post of `channel` that has leave."""
    now = clock.wall_us()
    times = {"due_at": now, "ready_at": now, "created_at": now, "updated_at": now, "lateness_us": now}
    with writing(office.engine) as session:
        post = Post(channel=channel, text="x", content_hash="h", local_time="-", zone="UTC", author="ana", **times)
        post.state = "publishing"
        session.add(post)
        session.flush()
        row = Attempt(
            post_id=post.id, channel=channel, state="sending", worker="w", idempotency_key="k", content_hash="h"
        )
        row.claim_epoch, row.claimed_at = 1, now
        session.add(row)
        session.flush()
        return row.id or 0


def test_ticking_twice_says_who_did(office: Office) -> None:
    suspend(office)
    first = office.run("crisis", "checklist", "--tick", "stop", "--json").data
    again = office.run("crisis", "checklist", "--tick", "stop", "--json").data
    assert (first["new"], again["new"], again["by"], again["at"]) == (True, False, "ana", first["at"])
    assert "stop of suspension 1 was ticked by ana at" in office.run("crisis", "checklist", "--tick", "stop").err
    assert len(entries(office.engine, action="checklist.tick")) == 1


def test_complete_is_said_when_a_person_has_looked_where_no_program_can(office: Office) -> None:
    """KS-16: X has no interface for its own scheduler. The twin is the outbox, which has no such scheduler."""
    _channel(office, "parks-x", "x")
    _channel(office, "hall", "facebook")
    number = suspend(office)
    assert not _complete(office.engine, number)
    looks = office.run("crisis", "checklist", "--json").data["planners"]
    assert [(look["item"], look["open"]) for look in looks] == [("planner:hall", True), ("planner:parks-x", True)]
    assert "https://x.com/compose/post/unsent/scheduled" in office.run("crisis", "checklist").out
    for channel in ("parks-x", "hall"):
        assert not _complete(office.engine, number)
        assert office.run("crisis", "checklist", "--tick", f"planner:{channel}").code == 0
    assert _complete(office.engine, number)
    looks = office.run("crisis", "checklist", "--json").data["planners"]
    assert [(look["open"], str(look["state"])[:13]) for look in looks] == [(False, "ticked by ana")] * 2
    assert not _complete(office.engine, suspend(office, "again"))


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("stopp", "the checklist has no item 'stopp': did you mean 'stop'?"),
        ("", "the checklist has no item ''"),
        ("planner:parks-y", "waits for nobody's look at 'parks-y': did you mean 'planner:parks-x'?"),
        ("planner:parks", "waits for nobody's look at 'parks'"),
        ("planner:hall", "waits for nobody's look at 'hall'"),
    ],
)
def test_what_is_no_item_is_refused_with_the_nearest(office: Office, item: str, why: str) -> None:
    """The outbox has no scheduler of its own; a channel that goes on is not waited for."""
    _channel(office, "parks-x", "x")
    _channel(office, "hall", "x")
    number = suspend(office, scope="channel:parks-x")
    assert why in office.fails("crisis", "checklist", "--tick", item)
    with reading(office.engine) as session:
        assert session.exec(select(Tick).where(Tick.suspension_id == number)).all() == []


def test_it_needs_a_suspension_and_a_person(office: Office) -> None:
    assert "nothing real that fits is suspended" in office.fails("crisis", "checklist", "--tick", "stop")
    assert "--note belongs to --tick" in office.fails("crisis", "checklist", "--note", "x")
    number = suspend(office)
    assert "you are not signed in" in office.fails("crisis", "checklist", "--tick", "stop", STANDFAST_TOKEN="")
    assert "there is no suspension 9" in office.fails("crisis", "checklist", "--tick", "stop", "--suspension", "9")
    lift(office, number)
    assert office.run("crisis", "checklist", "--tick", "records", "--suspension", str(number)).code == 0
    assert [tick["by"] for tick in _items(office, "--suspension", str(number))["records"]] == ["ana"]
    suspend(office, "b"), suspend(office, "c")
    assert "several stand (2, 3): name one" in office.fails("crisis", "checklist", "--tick", "stop")


def test_a_look_at_a_platform_takes_a_right_on_its_channel(office: Office) -> None:
    """KS-16: `complete` rests on it. An item of the list is anybody's to tick, by name."""
    _channel(office, "parks-x", "x")
    _channel(office, "pool-x", "x")
    suspend(office)
    office.run("people", "add", "rita", "--name", "Rita Voss")
    office.run("people", "grant", "rita", "administrator", "--channel", "pool-x")
    token = office.run("people", "token", "rita", "--json").data["token"]
    line = office.fails("crisis", "checklist", "--tick", "planner:parks-x", STANDFAST_TOKEN=token)
    assert "rita may not tick off planner:parks-x: rita does not hold 'queue' on channel parks-x" in line
    assert [entry["subject"] for entry in entries(office.engine, action="refused")] == ["tick planner:parks-x"]
    for item in ("planner:pool-x", "stop"):
        assert office.run("crisis", "checklist", "--tick", item, STANDFAST_TOKEN=token).code == 0


def test_two_people_who_tick_at_once_are_both_told_who_was_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = suspend(office)
    first = tick.tick(office.engine, ANA, plans.read(), number, "stop")
    looks = iter([None, None])
    own = tick._found
    monkeypatch.setattr(tick, "_found", lambda *found: next(looks, own(*found)))
    next(looks)
    late = tick.tick(office.engine, Identity("omar", "Omar", "token"), plans.read(), number, "stop")
    assert (late.by, late.at, late.new) == ("ana", first.at, False)


def test_a_store_that_is_away_hides_no_list(office: Office) -> None:
    suspend(office)
    (office.city.root / "elsewhere").mkdir()
    away = f"sqlite:///{office.city.root / 'elsewhere' / 'gone.db'}"
    said = office.run("crisis", "checklist", STANDFAST_DATABASE_URL=away)
    assert (said.code, " stop " in said.out) == (0, True)
    assert "what is ticked is not known" in said.err
    assert not (office.city.root / "elsewhere" / "gone.db").exists()
