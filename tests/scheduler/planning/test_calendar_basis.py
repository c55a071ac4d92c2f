"""A file that is unchanged is not read again; and whatever may make its reading come out otherwise makes it be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from config import clock
from scheduler import post_queue
from scheduler.planning import calendar_basis, calendar_check, calendar_sync, stager
from store.engine import writing
from store.tables import CalendarFile, Channel, RoleGrant
from tests.scheduler.planning.test_calendar_sync import png
from tests.support.calendar_city import Desk, SetClock, open_desk

ROW = "open,2026-12-03 09:00,The park opens"


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, now: SetClock) -> Desk:
    made = open_desk(engine, tmp_path)
    made.write("parks.csv", ROW)
    made.applied("parks.csv")
    return made


class Readings:
    """How often a calendar was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._whole = calendar_check.read
        monkeypatch.setattr(calendar_check, "read", self._read)

    def _read(self, *arguments: object) -> object:
        self.count += 1
        return self._whole(*arguments)  # type: ignore[arg-type]  # handed through

    def of(self, act: Callable[[], object]) -> int:
        """How often `act` read one."""
        before = self.count
        act()
        return self.count - before


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    return Readings(monkeypatch)


def with_settings(desk: Desk, **changed: object) -> Desk:
    return Desk(desk.engine, desk.settings.model_copy(update=changed))


def test_an_unchanged_file_is_not_read_again_and_told_as_before(desk: Desk, readings: Readings) -> None:
    before = desk.rows()
    outcome = desk.applied("parks.csv")
    assert readings.count == 0
    assert (outcome.applied, outcome.plan and outcome.plan.empty) == (False, True)
    assert outcome.plan is not None
    assert (outcome.plan.calendar.owner, outcome.plan.channels) == ("ada", {"parks"})
    assert outcome.plan.counts() == {"add": 0, "change": 0, "cancel": 0, "keep": 1}
    assert desk.rows() == before


def test_a_changed_file_is_read_also_when_it_looks_the_same_from_outside(desk: Desk, readings: Readings) -> None:
    """Its size and its time of change say nothing here: only what it holds does."""
    path = desk.path("parks.csv")
    stat, text = path.stat(), path.read_text()
    path.write_text(text.replace("opens", "OPENS"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert desk.applied("parks.csv").applied
    assert [post.text for post in desk.posts()] == ["The park OPENS"]
    assert readings.count == 1


def test_a_new_zone_of_the_city_makes_it_be_read(desk: Desk, readings: Readings) -> None:
    assert readings.of(lambda: with_settings(desk, timezone="Asia/Kathmandu").sync("parks.csv")) == 1
    assert readings.of(lambda: desk.sync("parks.csv")) == 1, "the basis of the last reading is the one that counts"


@pytest.mark.parametrize("name", ["_program", "RULES"])
def test_a_new_program_reads_it_once(
    desk: Desk, readings: Readings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(calendar_basis, name, (lambda: "9.9") if name == "_program" else 99)
    before = desk.posts()
    assert readings.of(lambda: desk.applied("parks.csv")) == 1
    assert readings.of(lambda: desk.applied("parks.csv")) == 0
    assert desk.posts() == before


def test_another_platform_of_a_channel_makes_it_be_read(desk: Desk, readings: Readings) -> None:
    with writing(desk.engine) as session:
        session.get_one(Channel, "library").platform = "x"
    assert readings.of(lambda: desk.sync("parks.csv")) == 0, "not a channel of this file"
    with writing(desk.engine) as session:
        session.get_one(Channel, "parks").platform = "x"
    assert readings.of(lambda: desk.sync("parks.csv")) == 1


def test_an_owner_who_lost_the_rights_is_a_fault(desk: Desk) -> None:
    with writing(desk.engine) as session:
        for grant in session.exec(select(RoleGrant)):
            grant.revoked_at, grant.revoked_by = 1, "ada"
    (fault,) = desk.sync("parks.csv").faults
    assert "may not queue on parks" in fault.message


def test_a_copy_made_later_is_a_fault_of_both(desk: Desk) -> None:
    with writing(desk.engine) as session:
        row = session.get_one(CalendarFile, "parks.csv")
        session.add(CalendarFile(name="copy.csv", digest=row.digest, owner="ada", synced_at=1))
    desk.path("copy.csv").write_bytes(desk.path("parks.csv").read_bytes())
    (fault,) = desk.sync("parks.csv").faults
    assert "is a copy of copy.csv" in fault.message


def test_a_fault_that_is_remembered_is_looked_at_and_forgotten(desk: Desk, readings: Readings) -> None:
    calendar_sync.remember_fault(desk.engine, "parks.csv", "it was bad", "d", "daemon")
    assert readings.of(lambda: desk.applied("parks.csv")) == 1
    file = desk.file("parks.csv")
    assert file is not None
    assert file.fault is None


def test_what_an_ended_sync_left_is_cleared(desk: Desk, readings: Readings) -> None:
    rows = [{**_row(desk), "source_key": "left"}]
    with writing(desk.engine) as session:
        post_queue.add_new(session, post_queue.staged(rows, "0" * 32))
    assert readings.of(lambda: desk.applied("parks.csv")) == 0
    assert [post.state for post in desk.posts()] == ["scheduled"]


def _row(desk: Desk) -> dict[str, object]:
    (post,) = desk.posts()
    return {name: value for name, value in post.model_dump().items() if name not in ("id",)}


def test_a_file_with_images_is_always_read(desk: Desk, readings: Readings) -> None:
    """They change without it."""
    desk.path("tree.png").write_bytes(png())
    desk.write("trees.csv", "tree,2026-12-04 09:00,Text,tree.png,An oak in autumn", head="id,at,text,media,alt")
    desk.applied("trees.csv")
    assert readings.of(lambda: desk.applied("trees.csv")) == 1
    desk.path("tree.png").unlink()
    (fault,) = desk.sync("trees.csv").faults
    assert fault.value == "tree.png"


def test_a_file_that_cannot_be_read_any_more_is_a_fault(desk: Desk) -> None:
    path = desk.path("parks.csv")
    path.unlink()
    path.mkdir()
    (fault,) = desk.sync("parks.csv").faults
    assert "no ordinary file" in fault.message


def test_a_series_is_planned_further_though_its_file_is_unchanged(desk: Desk, now: SetClock) -> None:
    """KS-17: the day's date is the stager's business, which never asks the file."""
    desk.write("walks.csv", "walk,2026-11-01 09:00,Walk,FREQ=DAILY", head="id,at,text,repeat")
    desk.applied("walks.csv")
    before = len(desk.posts())
    now.wall += stager.DAY_US
    assert not desk.applied("walks.csv").applied
    assert stager.stage_due_horizon(desk.engine, desk.settings, clock.wall_us()) == 1
    assert not desk.applied("walks.csv").applied
    assert len(desk.posts()) == before + 1
