"""KS-20: whoever looks at a drill hears who must still answer, and why it has its verdict; the last of each kind is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crisis import drill
from scheduler import killswitch
from store.engine import cursor, dialect, writing
from tests.commands.office import Office
from tests.crisis import drills
from tests.crisis.drills import PLAN


@pytest.fixture(autouse=True)
def _city(office: Office) -> None:
    assert office.engine
    drills.prepare()


TWO = """
[[notice]]
person = "omar"
targets = ["NOTICE_OMAR"]
language = "en"
acknowledge_within = "10m"
"""
WAITS = "EXERCISE    must answer omar: each by `standfast crisis ack`, or the drill is not passed (answered: ana)"
ALL = "EXERCISE    answered    ana, omar: everybody who must has"


def _status(office: Office) -> tuple[str, dict[str, Any]]:
    """What `crisis status` says as a process: words and data."""
    words = office.city.run("crisis", "status", STANDFAST_TOKEN=office.token).stdout
    return words, json.loads(office.city.run("crisis", "status", "--json", STANDFAST_TOKEN=office.token).stdout)


def test_whoever_looks_at_a_drill_hears_who_must_still_answer(office: Office) -> None:
    """KS-20: `ack`, `status`, `resume` and `drill --show` say why it is not passed yet; the twin is when all have answered."""
    office.city.set(plan="drill-plan.toml")
    drills.written(office, PLAN + TWO)
    number = drills.live(office)
    said = office.run("crisis", "ack")
    assert said.err.splitlines() == [f"EXERCISE  ACKNOWLEDGED  suspension {number} by ana", WAITS]
    assert office.run("crisis", "ack", "--json").data[0]["silent"] == ["omar"]
    words, data = _status(office)
    assert WAITS in words.splitlines()
    assert data["answers"] == [{"suspension": number, "answered": ["ana"], "silent": ["omar"]}]
    asked = office.run("resume", "--reason", "over")
    assert asked.err.splitlines()[-1] == WAITS
    (shown,) = office.run("crisis", "drill", "--show", "--json").data
    assert shown["why"] == [
        f"suspension {number} stands until a person resumes",
        "omar has not said that they know of it",
    ]
    drills.answer(office, number, "omar")
    assert ALL in _status(office)[0].splitlines()
    assert office.run("crisis", "ack").err.splitlines()[-1] == ALL
    again = office.run("resume", "--reason", "over", "--json")
    assert again.data["silent"] == []


def test_in_a_real_stop_an_answer_says_for_whom_the_next_in_line_is_told(office: Office) -> None:
    """KS-18: no EXERCISE, and no word of it in the status, which reads no plan then."""
    office.city.set(plan="drill-plan.toml")
    drills.written(office, PLAN + TWO)
    with writing(office.engine) as session:
        killswitch.suspend(cursor(session), dialect(session), killswitch.Order("real", "dana", "tornado"))
    last = "  must answer omar: each by `standfast crisis ack`, or the next in line is told (answered: ana)"
    assert office.run("crisis", "ack").err.splitlines()[-1] == last
    words, data = _status(office)
    assert ("must answer" in words, data["answers"]) == (False, [])


def test_a_plan_that_cannot_be_read_keeps_nobody_from_answering_and_passes_no_drill(office: Office) -> None:
    """KS-20: by the shipped plan nobody must answer, and everything would pass; the twin is the mended plan."""
    office.city.set(plan="drill-plan.toml")
    drills.written(office, PLAN)
    number = drills.live(office)
    file = office.city.root / "drill-plan.toml"
    whole = file.read_text(encoding="utf-8")
    file.write_text("version = ", encoding="utf-8")
    assert "who must answer is not known" in _status(office)[0]
    said = office.run("crisis", "ack")
    assert said.err.splitlines() == [
        f"EXERCISE  ACKNOWLEDGED  suspension {number} by ana",
        "  warning     the plan cannot be read, so who must answer is not known: see `standfast doctor`",
    ]
    asked = office.run("resume", "--reason", "over")
    assert asked.err.splitlines()[-1].startswith("EXERCISE    warning     the plan cannot be read")
    lifted = office.run("resume", "--confirm", asked.err.split("--confirm ")[1][:8], "--reason", "over")
    assert "EXERCISE    warning     no drill gets its verdict before the plan can be read" in lifted.err
    (row,) = drills.recorded(office)
    assert row.verdict == "running"
    assert office.run("crisis", "drill", "--show", "--json").data[0]["why"] == [drill.NO_VERDICT]
    file.write_text(whole, encoding="utf-8")
    shown = office.run("crisis", "drill", "--show", "--json").data[0]
    assert (shown["verdict"], shown["why"]) == ("passed", [drill.IN_ORDER])


def test_the_list_says_why_each_drill_has_its_verdict(office: Office) -> None:
    office.run("crisis", "drill", "--simulate")
    for text in ("", PLAN):
        number = drills.live(office)
        drills.lift_row(office, number)
        drills.settled(office, text)
    shown = office.run("crisis", "drill", "--show")
    heads, *rows = shown.out.splitlines()
    assert heads.split()[-2:] == ["measured", "why"]
    assert [row.split()[7] for row in rows] == ["passed", "passed", "failed"]
    whys = [drill.UNDONE, drill.IN_ORDER, "ana has not said that they know of it"]
    assert all(row.endswith(why) for row, why in zip(rows, whys, strict=True)), rows


def test_a_later_simulation_does_not_hide_the_last_live_one(office: Office) -> None:
    """KS-19: what was really held says more than what would have been; both are shown, each kind alone where it is alone."""
    office.run("crisis", "drill", "--simulate")
    words, data = _status(office)
    assert [line.split("(")[1] for line in words.splitlines() if "last drill" in line] == ["simulate, by ana)"]
    assert (data["last_live_drill"], data["last_drill"]["mode"]) == (None, "simulate")
    drills.lift(office, drills.live(office))
    office.run("crisis", "drill", "--simulate")
    words, data = _status(office)
    told = [line.split("(")[1] for line in words.splitlines() if "last drill" in line]
    assert told == ["live, by ana)", "simulate, by ana)"]
    assert [data[name]["drill"] for name in ("last_drill", "last_live_drill", "last_simulated_drill")] == [3, 2, 3]
