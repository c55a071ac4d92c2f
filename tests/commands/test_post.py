"""``standfast post``, run in this process on both databases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import clock
from scheduler import killswitch
from store.engine import cursor, dialect, writing
from store.tables import Attempt, Channel, Post
from tests.commands.office import Office

ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text(st.sampled_from("\0\x1b\n\r\t\ud800\udfff\u202e\u2028'\";%?-*_.0129:T 1hmsd"), max_size=20),
    st.sampled_from(["parks", "park", "2190-12-01 09:00", "2190-02-30 09:00", "2190-12-01", "--", "--help", "-", ""]),
    st.sampled_from(["America/Chicago", "chicago", "30m", "9" * 400, "0m", "a" * 5000, "/", "..", "pool.png", "held"]),
)
FUZZED = settings(
    max_examples=2000 if os.environ.get("HYPOTHESIS_PROFILE") == "full" else 15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WHEN = "2190-12-01 09:00"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + b"a picture"


@pytest.fixture
def image(office: Office) -> Path:
    place = office.city.root / "pool.png"
    place.write_bytes(PNG)
    return place


def _add(office: Office, *more: str, text: str = "The pool opens.") -> int:
    """The id of a new post on parks."""
    said = office.run("post", "add", "--channel", "parks", "--at", WHEN, "--text", text, *more, "--json")
    assert said.code == 0, said
    return int(said.data["posts"][0]["id"])


def _set(office: Office, post: int, **values: Any) -> None:
    with writing(office.engine) as session:
        row = session.get(Post, post)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)


def _show(office: Office, post: int) -> dict[str, Any]:
    found: dict[str, Any] = office.run("post", "show", str(post), "--json").data
    return found


def _suspend(office: Office) -> None:
    with writing(office.engine) as session:
        killswitch.suspend(cursor(session), dialect(session), killswitch.Order("r", "ana"))


def test_a_post_is_queued_with_its_image_kept_and_shown(office: Office, image: Path) -> None:
    said = office.run(
        *("post", "add", "--channel", "parks", "--at", WHEN, "--zone", "America/Chicago", "--text", "Open.\n"),
        *("--media", str(image), "--alt", "The pool.", "--tag", "summer", "--lateness", "2h"),
    )
    assert said.code == 0
    assert "post 1 on parks: scheduled, 2190-12-01 09:00 America/Chicago (2190-12-01T15:00:00.000Z)" in said.out
    image.unlink()
    post = _show(office, 1)
    assert (post["text"], post["tags"], post["lateness_s"], post["author"]) == ("Open.", ["summer"], 7200, "ana")
    assert (office.city.data_dir / "media" / post["media"][0]["file"]).read_bytes() == PNG
    assert "The pool." in office.run("post", "show", "1").out


def test_a_time_that_a_clock_change_skips_goes_out_at_the_next_valid_moment_and_says_so(office: Office) -> None:
    said = office.run(
        *("post", "add", "--channel", "parks", "--zone", "America/Chicago", "--text", "Spring."),
        *("--at", "2027-03-14 02:30", "--json"),
    )
    assert "2027-03-14 02:30 does not exist in America/Chicago: goes out at 2027-03-14 03:00" in said.err
    assert said.data["posts"][0]["due_at"] == "2027-03-14T08:00:00.000Z"
    assert said.data["posts"][0]["time_note"] in said.err


def test_a_post_queued_during_a_suspension_is_accepted_with_the_banner(office: Office) -> None:
    """KS-8."""
    _suspend(office)
    said = office.run("post", "add", "--channel", "parks", "--at", WHEN, "--text", "Open.")
    assert said.code == 0
    assert killswitch.BANNER in said.err
    assert "post 1 on parks: scheduled (behind the gate)" in said.out
    listed = office.run("post", "list")
    assert listed.out.splitlines()[-1] == "scheduled (behind the gate) 1"
    assert office.run("post", "list", "--json").data["totals"] == {"covered": 1}


def test_the_text_may_come_from_a_file_or_standard_input(office: Office) -> None:
    Path("text.txt").write_bytes("\ufeffTwo\r\nlines é\n".encode())
    added = ("post", "add", "--channel", "parks", "--at", WHEN, "--json")
    assert office.run(*added, "--text-file", "text.txt").data["posts"][0]["text"] == "Two\nlines é"
    assert office.run(*added, "--text-file", "-", stdin="piped\n").data["posts"][0]["text"] == "piped"


def test_now_is_a_time_and_a_past_one_needs_it(office: Office) -> None:
    past = ("post", "add", "--channel", "parks", "--at", "2020-01-01 09:00", "--text", "Late.")
    assert "2020-01-01 09:00 UTC is past" in office.fails(*past)
    before = clock.to_text(clock.wall_us())
    for arguments in (past, ("post", "add", "--channel", "parks", "--text", "Now.")):
        assert before <= office.run(*arguments, "--now", "--json").data["posts"][0]["due_at"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "x"], "a post needs a time"),
        (["--at", "tomorrow", "--text", "x"], "'tomorrow' is not a local time"),
        (["--at", WHEN, "--zone", "Chicago", "--text", "x"], "did you mean 'America/Chicago'?"),
        (["--at", WHEN], "the post is empty"),
        (["--at", WHEN, "--text", "a\0b"], "the character U+0000"),
        (["--at", WHEN, "--text", "x", "--text-file", "y"], "leave one out"),
        (["--at", WHEN, "--text-file", "missing.txt"], "'missing.txt' cannot be read"),
        (["--at", WHEN, "--text", "x", "--media", "pool.png"], "'pool.png' has no alt text"),
        (["--at", WHEN, "--text", "x", "--media", "pool.png", "--alt", " "], "pool.png has no alt text"),
        (["--at", WHEN, "--text", "x", "--alt", "the pool"], "'the pool' belongs to no image"),
        (["--at", WHEN, "--text", "x", "--media", "gone.png", "--alt", "a"], "gone.png does not exist"),
        (["--at", WHEN, "--text", "x", "--media", "standfast.toml", "--alt", "a"], "is not a PNG"),
        (["--at", WHEN, "--text", "x", "--lateness", "soon"], "--lateness 'soon' is not a duration"),
        (["--at", WHEN, "--text", "x", "--tag", ""], "is no tag"),
        (["--at", WHEN, "--text", "x", "--channel", "prks"], "'prks': did you mean 'parks'"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_queued(
    office: Office, image: Path, arguments: list[str], words: str
) -> None:
    assert words in office.fails("post", "add", "--channel", "parks", *arguments)
    assert office.rows("post") == {"post": []}


def test_a_text_too_long_is_told_with_both_counts(office: Office) -> None:
    with writing(office.engine) as session:
        session.add(Channel(name="news", platform="x", created_at=1))
    said = office.fails("post", "add", "--channel", "news", "--at", WHEN, "--text", "a" * 300)
    assert "news" in said
    assert "300" in said
    assert "280" in said


def test_posts_are_listed_with_totals_and_filters(office: Office) -> None:
    held, plain = _add(office, "--tag", "parade"), _add(office)
    _set(office, held, state="held", hold_reason="its time passed")
    listed = office.run("post", "list")
    assert "held: its time passed" in listed.out
    assert listed.out.splitlines()[-1] == "scheduled 1 · held 1"
    for option, value in (("--tag", "parade"), ("--state", "held")):
        found = office.run("post", "list", option, value, "--channel", "parks", "--json").data
        assert [row["id"] for row in found["posts"]] == [held]
    assert office.run("post", "list", "--due-before", WHEN, "--json").data == {"posts": [], "totals": {}}
    late = office.run("post", "list", "--due-after", WHEN, "--limit", "1", "--json").data
    assert ([row["id"] for row in late["posts"]], late["totals"]) == ([held], {"scheduled": 1, "held": 1})
    assert "did you mean 'held'" in office.fails("post", "list", "--state", "hold")
    assert "there is no post 9" in office.fails("post", "show", "9")
    assert plain in [row["id"] for row in office.run("post", "list", "--json").data["posts"]]


def test_a_post_is_edited_held_released_rescheduled_and_cancelled(office: Office, image: Path) -> None:
    post = _add(office)
    edited = (
        "post",
        "edit",
        str(post),
        "--text",
        "At ten.",
        "--media",
        str(image),
        "--alt",
        "The pool at noon.",
        "--set-tag",
        "a",
    )
    assert office.run(*edited).out == f"post {post} on parks: edited\n"
    found = _show(office, post)
    assert (found["text"], found["media"][0]["alt"], found["tags"]) == ("At ten.", "The pool at noon.", ["a"])
    office.run("post", "edit", str(post), "--no-media")
    assert _show(office, post)["media"] == []
    office.run("post", "hold", str(post), "--reason", "the fair moved")
    assert _show(office, post)["hold_reason"] == "the fair moved"
    office.run("post", "release", str(post))
    assert _show(office, post)["due_at"] == found["due_at"]
    office.run("post", "reschedule", str(post), "--at", "2190-12-02 09:00")
    assert _show(office, post)["due_at"] == "2190-12-02T09:00:00.000Z"
    assert office.run("post", "cancel", str(post)).out == f"post {post} on parks: cancelled\n"
    assert _show(office, post)["state"] == "cancelled"
    actions = [entry["action"] for entry in office.run("records", "list", "--json").data]
    assert [action for action in actions if action.startswith("post.")] == [
        *("post.add", "post.edit", "post.edit", "post.hold", "post.release", "post.reschedule", "post.cancel")
    ]


def test_all_held_posts_are_released_spaced_after_a_dry_run(office: Office) -> None:
    """KS-11."""
    posts = [_add(office) for _ in range(3)]
    for post in posts:
        _set(office, post, state="held", hold_reason="missed", due_at=clock.wall_us() - 1, ready_at=1)
    dry = office.run("post", "release", "--all-held", "--dry-run")
    assert (dry.code, dry.err.splitlines()[1:]) == (0, ["nothing was changed (--dry-run)"])
    assert dry.err.startswith("parks: 3 posts from ")
    assert len(dry.out.splitlines()) == 3
    assert "would be scheduled" in dry.out
    assert {_show(office, post)["state"] for post in posts} == {"held"}
    done = office.run("post", "release", "--all-held", "--json").data
    times = [row["due_at"] for row in done["posts"]]
    assert [times[1] - times[0], times[2] - times[1]] == [300 * clock.SECOND] * 2
    assert "no post to release matches" in office.fails("post", "release", "--all-held")


def test_many_posts_are_summed_up_and_what_comes_late_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """KS-11: by suspension; JSON has them all."""
    from commands import post as post_commands

    monkeypatch.setattr(post_commands, "MOST_LINES", 2)
    missed = {"state": "held", "due_at": clock.wall_us() - 1, "ready_at": 1, "lateness_us": clock.SECOND}
    posts = [_add(office) for _ in range(4)]
    for post in posts:
        _set(office, post, hold_reason="its time passed during suspension 1", **missed)
    other = _add(office)
    _set(office, other, hold_reason="its time passed during suspension 11", **missed)
    assert "there is no suspension 1" in office.fails("post", "release", "--suspension", "1")
    _suspend(office)
    listed = office.run("post", "list", "--suspension", "1", "--json").data
    assert ([row["id"] for row in listed["posts"]], listed["totals"]) == (posts, {"held": 4})
    dry = office.run("post", "release", "--suspension", "1", "--dry-run")
    assert dry.out.splitlines()[2:] == ["… and 2 more, 4 in all: --json lists them"]
    assert "parks: 4 posts from " in dry.err
    assert "further from now than their lateness limit" in dry.err
    done = office.run("post", "release", "--suspension", "1", "--json").data
    assert [row["id"] for row in done["posts"]] == posts
    assert [(row["channel"], row["posts"], row["late"] >= 3) for row in done["channels"]] == [("parks", 4, True)]


def test_each_refused_post_has_its_line_and_nothing_is_changed(office: Office) -> None:
    good, out, busy = (_add(office) for _ in range(3))
    _set(office, out, state="published")
    _set(office, busy, state="publishing")
    said = office.run("post", "cancel", str(good), str(out), str(busy))
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 2)
    assert "a call is under way" in said.err
    assert _show(office, good)["state"] == "scheduled"


def test_an_unknown_outcome_is_closed_by_a_person(office: Office) -> None:
    post = _add(office)
    _set(office, post, state="unknown")
    with writing(office.engine) as session:
        row = Attempt(post_id=post, channel="parks", state="unknown", worker="w", idempotency_key="k", content_hash="h")
        row.claim_epoch = row.claimed_at = 1
        session.add(row)
    assert f"standfast post close {post}" in office.fails("post", "cancel", str(post))
    assert "say one of --published URL and --not-published" in office.fails("post", "close", str(post))
    assert "is not a link" in office.fails("post", "close", str(post), "--published", "here")
    assert office.run("post", "close", str(post), "--published", "https://x.test/1").out == f"post {post}: published\n"
    assert _show(office, post)["attempts"][0]["closed_by"] == "ana"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cancel"], "name the posts to cancel"),
        (["release"], "name the posts to release"),
        (["cancel", "1", "--tag", "a"], "by id or by a query, not both"),
        (["cancel", "--all-held", "--state", "draft"], "leave one out"),
        (["cancel", "--channel", "prks"], "did you mean 'parks'"),
        (["edit", "1"], "nothing to change"),
        (["reschedule", "1"], "a new time is needed"),
        (["reschedule", "1", "--over", "never"], "--over 'never' is not a duration"),
        (["reschedule", "1", "--at", "2020-01-01 09:00"], "is past"),
        (["hold", "9"], "there is no post 9"),
        (["close", "9", "--not-published"], "there is no post 9"),
    ],
)
def test_a_wrong_request_is_one_line(office: Office, arguments: list[str], words: str) -> None:
    _add(office)
    assert words in office.fails("post", *arguments)
    assert _show(office, 1)["state"] == "scheduled"


def test_nobody_signed_in_changes_nothing(office: Office) -> None:
    post = _add(office)
    for arguments in (("cancel", str(post)), ("add", "--channel", "parks", "--now", "--text", "x")):
        assert "you are not signed in" in office.fails("post", *arguments, STANDFAST_TOKEN="")
    assert len(office.rows("post")["post"]) == 1


@FUZZED
@given(
    channel=ANY_TEXT,
    at=ANY_TEXT,
    zone=ANY_TEXT,
    text=ANY_TEXT,
    file=ANY_TEXT,
    tag=ANY_TEXT,
    late=ANY_TEXT,
    alt=ANY_TEXT,
)
def test_no_words_given_to_post_add_end_in_a_traceback_or_half_a_post(
    office: Office, image: Path, channel: str, at: str, zone: str, text: str, file: str, tag: str, late: str, alt: str
) -> None:
    good = ("--channel=parks", f"--at={WHEN}")
    for words in (
        (
            f"--channel={channel}",
            f"--at={at}",
            f"--zone={zone}",
            f"--text={text}",
            f"--tag={tag}",
            f"--lateness={late}",
        ),
        (*good, f"--channel={channel}", "--text=x"),
        ("--channel=parks", f"--at={at}", f"--zone={zone}", "--text=x"),
        (*good, f"--text={text}"),
        (*good, f"--text-file={file}"),
        (*good, "--text=x", f"--tag={tag}", f"--lateness={late}"),
        (*good, "--text=x", f"--media={file}", f"--alt={alt}"),
        (*good, "--text=x", f"--media={image}", f"--alt={alt}"),
    ):
        _all_or_nothing(office, "post", "add", *words)


@FUZZED
@given(word=ANY_TEXT, other=ANY_TEXT, at=ANY_TEXT, number=st.one_of(st.integers(), st.integers(1, 3)))
def test_no_words_given_to_the_other_commands_end_in_a_traceback_or_half_a_change(
    office: Office, word: str, other: str, at: str, number: int
) -> None:
    _add(office, "--tag", "parade")
    for words in (
        ("list", f"--tag={word}", f"--file={other}"),
        ("list", f"--state={word}", f"--channel={other}"),
        ("list", f"--due-before={at}", f"--due-after={word}", f"--zone={other}"),
        ("show", f"{number}"),
        ("show", "--", word),
        ("edit", f"--text={word}", "--tag=parade"),
        ("edit", f"--set-tag={word}", f"--lateness={other}", "--", f"{number}"),
        ("hold", f"--reason={word}", "--channel=parks"),
        ("release", f"--state={word}", f"--tag={other}"),
        ("reschedule", f"--at={at}", f"--zone={word}", f"--over={other}", "--channel=parks"),
        ("reschedule", f"--over={other}", "--channel=parks"),
        ("close", f"--published={word}", "--", f"{number}"),
        ("cancel", f"--file={word}"),
        ("cancel", "--", f"{number}", word),
    ):
        _all_or_nothing(office, "post", *words)


def _all_or_nothing(office: Office, *arguments: str) -> None:
    before = office.rows("post", "attempt")
    said = office.run(*arguments, stdin="piped")
    assert said.code in (0, 1, 2)
    assert said.code == 0 or said.err
    assert "this is a bug" not in said.err
    if said.code != 0:
        assert office.rows("post", "attempt") == before
