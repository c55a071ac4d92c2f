"""A post is judged by the day it goes out on, also when it gets that day later."""

from __future__ import annotations

import pytest

from tests.commands.office import Office
from tests.commands.test_review import joined, ok

WINDOW = '[[election]]\nname = "Election"\nfirst = 2098-10-10\nlast = 2098-11-03\n'
WORDS = "Vote for the levy."
MOVE = ("post", "reschedule", "1", "--at", "2098-10-15 09:00")


@pytest.fixture
def voting(office: Office) -> Office:
    """A city with an election window."""
    (office.city.root / "checks.toml").write_text(WINDOW, encoding="utf-8")
    office.city.set(checks="checks.toml")
    return office


def _queue(office: Office, words: str, who: str, *more: str) -> None:
    ok(office, "post", "add", "--channel", "parks", "--at", "2098-10-05 09:00", "--text", words, *more, who=who)


def test_a_post_is_not_moved_into_a_window_that_its_words_may_not(voting: Office) -> None:
    """CT-2: what could not be queued for that day cannot be brought there by a change of its time."""
    pat = joined(voting, "pat", "administrator")
    _queue(voting, WORDS, pat)
    line = voting.fails(*MOVE, STANDFAST_TOKEN=pat)
    assert "post 1: it is due in an election window: political (block)" in line
    assert "--override political=WHY" in line
    assert ok(voting, "post", "show", "1", "--json").data["local_time"] == "2098-10-05T09:00"
    ok(voting, "post", "reschedule", "1", "--at", "2098-10-06 09:00", who=pat)


def test_other_words_and_what_was_let_pass_for_these_words_move(voting: Office) -> None:
    """CT-2: the override is for the words; nobody repeats it for another day of the window."""
    pat = joined(voting, "pat", "administrator")
    _queue(voting, "The pool opens.", pat)
    ok(voting, *MOVE, who=pat)
    passed = ("--text", WORDS, "--override", "political=a quotation")
    ok(voting, "post", "add", "--channel", "parks", "--at", "2098-10-12 09:00", *passed)
    ok(voting, "post", "reschedule", "2", "--at", "2098-10-16 09:00", who=pat)


def test_what_was_planned_in_a_window_before_it_was_set_stays(voting: Office) -> None:
    """CT-2: held there and released at its own time; given a time of its own in the window, it is asked about."""
    (voting.city.root / "checks.toml").write_text("", encoding="utf-8")
    pat, otis = joined(voting, "pat", "administrator"), joined(voting, "otis", "operator")
    _queue(voting, WORDS, pat)
    ok(voting, "post", "hold", "1", who=otis)
    always = WINDOW.replace("2098-10-10", "2000-01-01")
    (voting.city.root / "checks.toml").write_text(always, encoding="utf-8")
    ok(voting, "post", "release", "1", who=otis)
    assert "due in an election window" in voting.fails("post", "reschedule", "1", "--over", "1h", STANDFAST_TOKEN=otis)
