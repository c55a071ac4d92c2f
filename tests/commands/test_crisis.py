"""What `standfast crisis` has beside the stop: emergency messages and the sweep, as people type them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import col, select

from config import clock, essentials
from scheduler import killswitch, switch, windows
from store.crisis_tables import Override
from store.engine import cursor, dialect, reading, writing
from store.tables import Channel, Post, Suspension
from tests.commands.office import Office

WORDS = "Tornado warning: take shelter now."


def _suspend(office: Office, request: str = "r") -> int:
    with writing(office.engine) as session:
        order = killswitch.Order(request, "dana", "tornado")
        return killswitch.suspend(cursor(session), dialect(session), order).suspension


def _posts(office: Office) -> list[Post]:
    with reading(office.engine) as session:
        found = list(session.exec(select(Post).order_by(col(Post.id))))
        session.expunge_all()
    return found


def test_a_message_in_own_words_goes_past_the_gate(office: Office) -> None:
    """KS-14: one command, during the suspension, tied to it."""
    number = _suspend(office)
    said = office.run("crisis", "post", "--channel", "parks", "--text", WORDS)
    assert (said.code, said.out) == (
        0,
        f"EMERGENCY  post 1 on parks, past the gate of suspension {number}: {WORDS}\n",
    )
    (post,) = _posts(office)
    assert (post.state, post.text, post.author) == ("scheduled", WORDS, "ana")
    with reading(office.engine) as session:
        override = session.get_one(Override, 1)
        assert (override.post_id, override.suspension_id, override.by) == (post.id, number, "ana")


def test_a_holding_statement_is_filled_and_goes_to_all_channels(office: Office) -> None:
    _suspend(office)
    blanks = ("--fill", "place=downtown", "--fill", "until=18:00", "--fill", "link=city.example")
    said = office.run("crisis", "post", "--all", "--statement", "tornado-watch", *blanks, "--json")
    assert said.code == 0, said
    with reading(office.engine) as session:
        names = set(session.exec(select(Channel.name)))
    assert set(said.data["posts"]) == set(said.data["texts"]) == names
    assert all("downtown" in text and "{" not in text for text in said.data["texts"].values())


def test_an_unfilled_blank_is_refused_and_nothing_is_sent(office: Office) -> None:
    """KS-14."""
    _suspend(office)
    line = office.fails(
        "crisis", "post", "--all", "--statement", "tornado-watch", "--fill", "place=downtown", "--fill", "link=x"
    )
    assert "the blank 'until' of tornado-watch is not filled" in line
    assert _posts(office) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "say where: one or more --channel NAME, or --all"),
        (("--all", "--channel", "parks", "--text", "x"), "say where"),
        (("--all",), "say what: a --statement of the plan, or --text"),
        (("--all", "--text", "x", "--statement", "tornado-watch"), "say what"),
        (("--all", "--text", "x", "--fill", "place=here"), "--fill belongs to a holding statement"),
        (("--all", "--statement", "tornado-watch", "--fill", "downtown"), "fills no blank: write --fill"),
        (("--all", "--statement", "tornado-wach"), "did you mean 'tornado-watch'?"),
        (("--channel", "parcs", "--text", "x"), "did you mean 'parks'?"),
        (("--channel", "parks", "--text", " "), "empty"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_sends_nothing(
    office: Office, arguments: tuple[str, ...], why: str
) -> None:
    _suspend(office)
    assert why in office.fails("crisis", "post", *arguments)
    assert _posts(office) == []


def test_without_a_suspension_the_way_is_named(office: Office) -> None:
    assert "standfast post add --now" in office.fails("crisis", "post", "--channel", "parks", "--text", WORDS)


def test_a_dry_run_shows_and_sends_nothing(office: Office) -> None:
    _suspend(office)
    said = office.run("crisis", "post", "--channel", "parks", "--text", WORDS, "--dry-run")
    assert (said.code, said.out) == (0, f"would be sent on parks: {WORDS}\n")
    assert _posts(office) == []


def test_who_lacks_the_role_is_refused(office: Office) -> None:
    """KS-14: a channel administrator."""
    _suspend(office)
    office.run("people", "add", "rita", "--name", "Rita Voss")
    office.run("people", "grant", "rita", "administrator")
    token = office.run("people", "token", "rita", "--json").data["token"]
    line = office.fails("crisis", "post", "--channel", "parks", "--text", WORDS, STANDFAST_TOKEN=token)
    assert "rita may not send an emergency message on channel parks: rita does not hold 'emergency'" in line
    assert "emergency_publisher" in line
    assert _posts(office) == []


def test_one_command_renews_all_that_a_new_suspension_voided(office: Office) -> None:
    """I9."""
    _suspend(office)
    office.run("crisis", "post", "--channel", "parks", "--text", WORDS)
    assert office.run("crisis", "post", "--renew", "--json").data == {"renewed": [], "edited": []}
    _suspend(office, "again")
    assert office.run("crisis", "post", "--renew", "--json").data == {"renewed": [1], "edited": []}


def test_a_sweep_names_each_channel_and_needs_a_suspension(office: Office) -> None:
    """KS-16."""
    assert "nothing real that fits is suspended" in office.fails("crisis", "sweep")
    number = _suspend(office)
    with writing(office.engine) as session:
        session.get_one(Channel, "parks").platform = "facebook"
    said = office.run("crisis", "sweep", "--json")
    assert (said.code, [item["channel"] for item in said.data]) == (0, ["parks"])
    assert said.data[0]["trouble"].startswith("not known to be empty: channel parks (facebook)")
    _suspend(office, "again")
    assert "several stand (1, 2): name one with --suspension" in office.fails("crisis", "sweep")
    assert office.run("crisis", "sweep", "--suspension", str(number)).code == 0
    assert "nothing real that fits" in office.fails("crisis", "sweep", "--suspension", "7")


def test_words_that_somebody_edited_since_get_leave_only_by_who_says_that_they_read_them(office: Office) -> None:
    """KS-14, I9: leave is bound to the content; an administrator's edit must not pass under an emergency publisher's name."""
    _suspend(office)
    office.run("crisis", "post", "--channel", "parks", "--text", "Boil water.")
    assert office.run("post", "edit", "1", "--text", "The water is safe.").code == 0
    said = office.run("crisis", "post", "--renew", "--json")
    assert said.data == {"renewed": [], "edited": [1]}
    assert "post 1 was edited since it had leave: read it" in office.run("crisis", "post", "--renew").err
    assert office.run("crisis", "post", "--renew", "--edited", "--json").data == {"renewed": [1], "edited": []}


@pytest.mark.parametrize("words", [("--channel", "parks", "--text", WORDS), ("--renew",)], ids=["post", "renew"])
def test_a_window_that_has_come_begins_before_leave_is_given(office: Office, words: tuple[str, ...]) -> None:
    """KS-14, I9: leave given in the epoch before its step would be void at once; the twin is the epoch without a window."""
    _suspend(office)
    assert office.run("crisis", "post", "--channel", "parks", "--text", "the twin").code == 0
    window = _due_window(office)
    assert office.run("crisis", "post", *words).code == 0
    with reading(office.engine) as session:
        begun = session.get_one(Suspension, window)
        first, *_, newest = session.exec(select(Override).order_by(col(Override.id)))
        assert (begun.begun_at is not None, newest.epoch) == (True, begun.epoch)
        assert first.epoch < begun.epoch


@pytest.fixture
def locked(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A window has come, a message is pending, and somebody who may not be ended holds the store's lock."""
    _suspend(office)
    assert office.run("crisis", "post", "--channel", "parks", "--text", "pending").code == 0
    _due_window(office)
    monkeypatch.setattr(windows, "PATIENCE_S", 1.0)
    other = switch.open_switch(essentials.load())
    with switch.exclusive(other) as holding:
        if other.name == "postgresql":  # the server would end a session that does nothing in its transaction
            holding.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield office
    other.close()


CANNOT = "standfast: a planned suspension has come, and its beginning cannot be recorded: "
REPEAT = "repeat the command"


@pytest.mark.parametrize(
    ("words", "undone"),
    [
        (
            ("post", "--channel", "parks", "--text", WORDS),
            "; nothing was queued or sent; 1 pending emergency message(s) wait",
        ),
        (("post", "--renew"), "; no message was given leave; 1 pending emergency message(s) wait without leave: "),
        (("sweep", "--suspension", "1"), "; nothing was swept: "),
    ],
    ids=["post", "renew", "sweep"],
)
def test_a_window_that_cannot_be_begun_keeps_nobody_waiting_and_it_is_said_what_was_not_done(
    locked: Office, words: tuple[str, ...], undone: str
) -> None:
    """KS-14, KS-16: within seconds, in one line, and with nothing half-done; the twin is the window that is begun."""
    before, since = _posts(locked), clock.boot_s()
    line = locked.fails("crisis", *words)
    assert clock.boot_s() - since < 8, "less than a stop's patience, and than the store's own"
    assert line.startswith(CANNOT)
    assert undone in line
    assert REPEAT in line
    assert _posts(locked) == before


def test_a_window_that_comes_in_the_midst_is_no_moment_for_leave(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I9: it is looked for again in the transaction in which leave is given; the twin is the same command after that."""
    _suspend(office)
    before = _posts(office)
    with monkeypatch.context() as patched:
        patched.setattr(windows, "begin_due", lambda _essential: None)
        _due_window(office)
        line = office.fails("crisis", "post", "--channel", "parks", "--text", WORDS)
    assert "a planned suspension has come at this very moment; nothing was queued or sent: repeat the command" in line
    assert _posts(office) == before
    assert office.run("crisis", "post", "--channel", "parks", "--text", WORDS).code == 0


def _due_window(office: Office) -> int:
    """A planned suspension whose moment has come, and that nobody has begun."""
    later = clock.wall_us() + 3600 * clock.SECOND
    order = killswitch.Order("window", "ana", "parade", killswitch.Scope(), killswitch.PLANNED, later)
    with writing(office.engine) as session:
        number = killswitch.suspend(cursor(session), dialect(session), order).suspension
        session.get_one(Suspension, number).starts_at = clock.wall_us() - clock.SECOND
    return number
