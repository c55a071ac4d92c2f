"""Posts once, edited and recurring, over gaps, overlaps and ordinary days in eleven zones: by what the platform got, and when.

Everything is asked for as people do (`post add`, `post reschedule`, calendar files), and then time passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.faults import rig
from tests.support.databases import Databases
from tests.support.live_city import X
from tests.time import story
from tests.time.reference import Change, Kind, meaning
from tests.time.story import Story
from tests.time.zone import ZONES, last_change, walls

DAY = timedelta(days=1)
CASES = [(zone, kind) for zone in ZONES for kind in ("gap", "ordinary", "overlap") if zone != "Asia/Kathmandu"]
CASES += [("Asia/Kathmandu", "ordinary")]
"""Kathmandu's clocks have not been moved since a calendar could say so; test_zones has its change of 1986."""


@pytest.fixture(scope="module")
def told(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One city for all of them, on SQLite: what a time means is the same on both databases."""
    folder: Path = tmp_path_factory.mktemp("stories")
    with rig.opened("sqlite", folder, databases) as made, story.told_in(made) as opened:
        yield opened


def wall_of(zone: str, kind: Kind) -> datetime:
    """A wall time of this kind: half-way through what the last such change leaves out or repeats, or a summer's noon."""
    if kind == "ordinary":
        return datetime(2029, 6, 15, 12)  # noqa: DTZ001 (wall time has no zone)
    change = last_change(zone, kind)
    assert isinstance(change, Change)
    return walls(change)[2]


def at(wall: datetime) -> str:
    """As people write it."""
    return f"{wall:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(("zone", "kind"), CASES)
def test_a_post_goes_out_once_at_the_instant_its_wall_time_means(told: Story, zone: str, kind: Kind) -> None:
    """Once and edited: into the moment, out of it, and from one zone to another; nothing early, nothing twice."""
    wall = wall_of(zone, kind)
    meant = meaning(wall, zone)
    assert meant.kind == kind
    told.begin(wall - 10 * DAY)
    once, moved_in, moved_out, moved_zone = (
        told.text(f"{what} {zone} {kind}") for what in ("once", "in", "out", "zone")
    )
    for text, wanted, its_zone in (
        (once, wall, zone),
        (moved_in, wall - DAY, zone),
        (moved_out, wall, zone),
        (moved_zone, wall, "UTC"),
    ):
        told.command("post", "add", "--channel", X, "--at", at(wanted), "--zone", its_zone, "--text", text)
    for text, wanted in ((moved_in, wall), (moved_out, wall + 2 * DAY), (moved_zone, wall)):
        number = str(told.post(text).id)
        told.command("post", "reschedule", number, "--at", at(wanted), "--zone", zone)
    expected = {text: meant.us for text in (once, moved_in, moved_zone)} | {moved_out: meaning(wall + 2 * DAY, zone).us}
    for text, us in expected.items():
        post = told.post(text)
        assert (post.due_at, post.zone) == (us, zone), text
        assert (post.time_note is None) == (us != meant.us or kind == "ordinary"), post.time_note
    told.let_it_run({text: [us] for text, us in expected.items()})


@pytest.mark.parametrize(("zone", "kind"), CASES)
def test_a_calendar_across_the_change_says_each_date_once(told: Story, zone: str, kind: Kind) -> None:
    """Recurring, and edited in the file: a series over the change, one that is moved into it, and an entry moved across it."""
    wall = wall_of(zone, kind)
    told.begin(wall - 10 * DAY)
    series, moved, across = (told.text(f"{what} {zone} {kind}") for what in ("series", "moved", "across"))
    name, rule = f"{told.number}.csv", "FREQ=DAILY;COUNT=4"
    early = (wall - 2 * DAY).replace(hour=6, minute=0)
    first = (
        f"series,{at(wall - DAY)},{rule},{series}",
        f"moved,{at(early)},{rule},{moved}",
        f"across,{at(wall - DAY)},,{across}",
    )
    second = (first[0], f"moved,{at(wall - 2 * DAY)},{rule},{moved}", f"across,{at(wall + DAY)},,{across}")
    told.calendar(name, zone, *first)
    before = {post.id for post in told.posts(across)}
    told.calendar(name, zone, *second)
    assert {post.id for post in told.posts(across)} == before, "an entry that is moved keeps its post"
    expected = {
        series: sorted({meaning(wall + number * DAY, zone).us for number in range(-1, 3)}),
        moved: sorted({meaning(wall + number * DAY, zone).us for number in range(-2, 2)}),
        across: [meaning(wall + DAY, zone).us],
    }
    for text, moments in expected.items():
        assert [post.due_at for post in told.posts(text)] == moments, text
    told.let_it_run(expected)
