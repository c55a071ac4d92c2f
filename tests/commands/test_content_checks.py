"""The content checks where posts come in: `post add`, `post edit`, calendars, the emergency lane, and `standfast policy`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from governance import access, people
from scheduler import killswitch
from store.engine import cursor, dialect, reading, writing
from store.governance_tables import Submission
from store.tables import LogEntry, Post
from tests.commands.office import Office
from tests.commands.test_calendar import row, write
from tests.commands.test_post import PNG, WHEN

SSN = "Her number is 078-05-1120."
ADD = ("post", "add", "--channel", "parks", "--at", WHEN)


@pytest.fixture
def pat(office: Office) -> str:
    """The token of somebody who may queue, and may not override."""
    ana = access.sign_in(office.engine, office.token)
    with writing(office.engine) as session:
        people.add_person(session, ana, "pat", "Pat")
        people.grant(session, ana, "pat", "administrator", "parks")
        return people.create_token(session, ana, "pat").token


def _log(office: Office, action: str) -> list[tuple[str, str, dict[str, Any]]]:
    with reading(office.engine) as session:
        rows = session.exec(select(LogEntry).where(LogEntry.action == action).order_by(LogEntry.seq)).all()
        return [(row.actor, row.subject, json.loads(row.detail)) for row in rows]


def _count(office: Office) -> int:
    with reading(office.engine) as session:
        return len(session.exec(select(Post.id)).all())


def test_what_blocks_refuses_the_post_with_clause_quote_and_remedy(office: Office) -> None:
    """CT-2, CT-3"""
    line = office.fails(*ADD, "--text", SSN)
    assert line == (
        "standfast: ssn (block): '•••-••-••20' in the text: take the number out "
        "[Social Media Policy 135.000, V, information not subject to disclosure]; "
        "who may override can let it pass with --override ssn=WHY"
    )
    assert _count(office) == 0


def test_what_only_warns_is_said_and_queued(office: Office) -> None:
    """CT-2, CT-4"""
    said = office.run(*ADD, "--text", "The libary is damn open.", "--json")
    assert said.code == 0
    assert [(f["rule"], f["level"], f["quote"]) for f in said.data["findings"]] == [
        ("profanity", "review", "damn"),
        ("spelling", "warn", "libary"),
    ]
    assert "check: profanity (review): 'damn' in the text: use another word" in said.err
    assert "did you mean 'library'?" in said.err
    assert _count(office) == 1


def test_an_override_is_recorded_with_who_why_and_the_exact_finding(office: Office) -> None:
    """CT-2: the number itself is in no log."""
    said = office.run(*ADD, "--text", SSN, "--override", "ssn=a famous one, in a lesson")
    assert said.code == 0
    assert "let pass: ssn (block)" in said.err
    ((actor, subject, detail),) = _log(office, "content.override")
    assert (actor, subject, detail["why"]) == ("ana", "post 1", "a famous one, in a lesson")
    found = detail["finding"]
    assert (found["rule"], found["start"], found["end"], found["quote"]) == ("ssn", 14, 25, "•••-••-••20")
    with reading(office.engine) as session:
        post = session.get(Post, 1)
        assert post is not None
        assert post.content_hash == detail["content_hash"]
    assert "078-05" not in str(office.rows("log_entry"))


def test_without_the_right_nothing_is_let_pass_and_the_refusal_is_logged(office: Office, pat: str) -> None:
    """CT-2, GV-4"""
    line = office.fails(*ADD, "--text", SSN, "--override", "ssn=why not", STANDFAST_TOKEN=pat)
    assert "pat may not queue posts on channel parks past the check ssn" in line
    assert "(director, steward)" in line
    assert _count(office) == 0
    assert [(actor, subject) for actor, subject, _ in _log(office, "refused")] == [
        ("pat", "post.add posts on channel parks past the check ssn")
    ]
    assert office.run(*ADD, "--text", "Open.", "--override", "ssn=not needed", STANDFAST_TOKEN=pat).code == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("snn=x", "did you mean 'ssn'?"),
        ("ssn", "gives no reason"),
        ("ssn= ", "gives no reason"),
        ("=x", "names no check"),
    ],
)
def test_an_override_that_names_no_check_or_no_reason_is_refused(office: Office, given: str, said: str) -> None:
    """CT-2"""
    assert said in office.fails(*ADD, "--text", SSN, "--override", given)


def test_an_edit_is_looked_at_as_a_new_post_is(office: Office) -> None:
    """CT-2, CT-3"""
    office.run(*ADD, "--text", "Open.")
    assert "post 1: ssn (block)" in office.fails("post", "edit", "1", "--text", SSN)
    assert office.run("post", "edit", "1", "--text", SSN, "--override", "ssn=a lesson", "--dry-run").code == 0
    assert _log(office, "content.override") == []
    assert office.run("post", "edit", "1", "--text", SSN, "--override", "ssn=a lesson").code == 0
    assert [subject for _, subject, _ in _log(office, "content.override")] == ["post 1"]
    assert (
        office.run("post", "edit", "1", "--set-tag", "pool").code == 0
    )  # what stands already is not asked about again


def test_an_image_without_a_word_about_its_rights_is_warned_of(office: Office) -> None:
    """CT-4"""
    Path("pool.png").write_bytes(PNG)
    image = ("--media", "pool.png", "--alt", "The pool.")
    assert "rights (warn)" in office.run(*ADD, "--text", "Open.", *image).err
    said = office.run(*ADD, "--text", "Open.", *image, "--rights", "City: staff photo")
    assert (said.code, said.err) == (0, "")
    assert office.run("post", "show", "2", "--json").data["media"][0]["rights"] == "City: staff photo"
    assert "give one for all, or one for each" in office.fails(*ADD, "--text", "Open.", "--rights", "whose")
    assert "ssn (block)" in office.fails(
        *ADD, "--text", "Open.", "--media", "pool.png", "--alt", "A card with 078-05-1120"
    )


SHARE = ("--share-of", "https://example.org/flood")


def test_a_share_nobody_checked_is_warned_of_and_what_was_said_is_kept(office: Office) -> None:
    """CT-4: with the word of somebody who looked, nothing is said; both are part of the post."""
    said = office.run(*ADD, "--text", "Open.", *SHARE)
    assert "share_source (warn): in the share: look who is behind https://example.org/flood" in said.err
    said = office.run(*ADD, "--text", "Open.", *SHARE, "--source-checked")
    assert (said.code, said.err) == (0, "")
    posts = [office.run("post", "show", number, "--json").data for number in ("1", "2")]
    assert [(post["share_of"], post["source_checked"]) for post in posts] == [(SHARE[1], False), (SHARE[1], True)]
    assert len({post["content_hash"] for post in posts}) == 2
    assert "neither an address nor an account" in office.fails(*ADD, "--text", "Open.", "--share-of", "see below")
    assert "give --share-of, too" in office.fails(*ADD, "--text", "Open.", "--source-checked")


def test_an_edit_says_more_of_a_post_than_was_said(office: Office) -> None:
    """CT-4: another source counts as not checked; rights and captions are said of images that stay."""
    Path("pool.png").write_bytes(PNG)
    office.run(*ADD, "--text", "Open.", "--media", "pool.png", "--alt", "The pool.", *SHARE, "--source-checked")
    edit, hashes = ("post", "edit", "1"), set()
    for more, expected in (
        (("--share-of", "@other"), ("@other", False, {})),
        (("--source-checked",), ("@other", True, {})),
        (("--rights", "City: staff photo"), ("@other", True, {"rights": "City: staff photo"})),
        (("--rights", "", "--captions", "pool.vtt"), ("@other", True, {"captions": "pool.vtt"})),
        (("--set-tag", "pool"), ("@other", True, {"captions": "pool.vtt"})),
        (("--no-share",), ("", False, {"captions": "pool.vtt"})),
    ):
        said = office.run(*edit, *more)
        assert said.code == 0, said
        post = office.run("post", "show", "1", "--json").data
        facts = {name: post["media"][0][name] for name in ("captions", "rights") if name in post["media"][0]}
        assert (post["share_of"], post["source_checked"], facts) == expected
        hashes.add(post["content_hash"])
    assert len(hashes) == 5  # a tag is no part of what is said
    assert "post 1 shares nothing" in office.fails(*edit, "--source-checked")
    assert "leave one out" in office.fails(*edit, "--no-share", *SHARE)
    assert "has 1 image(s), and --rights is given 2 times" in office.fails(*edit, "--rights", "a", "--rights", "b")


def test_what_a_video_says_in_its_captions_is_looked_at_when_it_is_approved(office: Office) -> None:
    """CT-4: no platform takes one from here yet; what lies in the store as one is asked for its captions."""
    Path("pool.png").write_bytes(PNG)
    office.city.set(approval="required")
    heard = ("--captions", f"Hear: {SSN}")
    assert "ssn (block): '•••-••-••20' in the captions of image 1" in office.fails(
        *ADD, "--text", "Open.", "--media", "pool.png", "--alt", "The pool.", "--rights", "City", *heard
    )
    office.run(*ADD, "--text", "Open.", "--media", "pool.png", "--alt", "The pool.", "--rights", "City", "--draft")
    office.run("post", "submit", "1", "--attest")
    with writing(office.engine) as session:
        post = session.get_one(Post, 1)
        post.media = [{**post.media[0], "mime": "video/mp4"}]
        post.author = session.get_one(Submission, 1).submitted_by = "someone"
    assert (
        "check: captions (warn): in the captions of image 1: add captions"
        in office.run("post", "approve", "1", "--dry-run").out
    )
    with writing(office.engine) as session:
        post = session.get_one(Post, 1)
        post.media = [{**post.media[0], "captions": "pool.vtt"}]
    assert "check:" not in office.run("post", "approve", "1", "--dry-run").out


def test_a_calendar_says_what_its_posts_share_and_whose_its_images_are(office: Office) -> None:
    """CT-4: where an entry becomes a post, all of it comes along; what is missing is warned of."""
    (office.city.calendars_dir / "pool.png").write_bytes(PNG)
    head = "id,at,text,media,alt,captions,rights,share_of,source_checked"
    more = "open,2099-06-03 09:00,Open.,pool.png,The pool.,pool.vtt,City: staff photo,@county,{}"
    file = write(office, "parks.csv", more.format("yes"), head=head)
    said = office.run("calendar", "check")
    assert (said.code, "(warn)" in said.out) == (0, False)
    assert office.run("calendar", "sync").code == 0
    post = office.run("post", "show", "1", "--json").data
    assert (post["share_of"], post["source_checked"]) == ("@county", True)
    assert {name: post["media"][0][name] for name in ("captions", "rights")} == {
        "captions": "pool.vtt", "rights": "City: staff photo",
    }  # fmt: skip
    file.write_text(file.read_text().replace("yes", "no").replace("City: staff photo", ""))
    assert "share_source (warn)" in office.run("calendar", "check").out
    assert "rights (warn)" in office.run("calendar", "check").out
    assert office.run("calendar", "sync").code == 0
    after = office.run("post", "show", "1", "--json").data
    assert (after["source_checked"], after["content_hash"] != post["content_hash"]) == (False, True)


def test_the_city_s_own_levels_hold(office: Office) -> None:
    """CT-2"""
    settings = office.city.root / "standfast.toml"
    settings.write_text(settings.read_text() + '\nchecks = "checks.toml"\n')
    (office.city.root / "checks.toml").write_text('[levels]\nssn = "off"\nshouting = "block"\n')
    assert office.run(*ADD, "--text", SSN).code == 0
    assert "shouting (block): '!!!!'" in office.fails(*ADD, "--text", "Open!!!!")
    (office.city.root / "checks.toml").write_text('[levels]\nssn = "never"\n')
    assert "levels.ssn = 'never' is not known here: known are block, off, review, warn" in office.fails(
        *ADD, "--text", "a"
    )


def _calendar(office: Office, text: str) -> None:
    write(office, "parks.csv", row("open", text))


def test_a_calendar_is_checked_entry_by_entry(office: Office) -> None:
    """CT-2, CT-3, CT-4: a check shows everything, a sync refuses what blocks."""
    _calendar(office, f"{SSN} The libary is open.")
    said = office.run("calendar", "check")
    assert said.code == 1
    assert "parks.csv:4: 'open': ssn (block): '•••-••-••20' in the text: take the number out" in said.out
    assert "parks.csv:4: 'open': spelling (warn): 'libary'" in said.out
    found = office.run("calendar", "check", "--json").data["files"][0]["findings"]
    assert [(f["entry"], f["rule"]) for f in found] == [("open", "ssn"), ("open", "spelling")]
    said = office.run("calendar", "sync")
    assert said.code == 1
    assert "ssn (block)" in said.out
    assert _count(office) == 0
    _calendar(office, "The libary is open.")
    assert office.run("calendar", "check").code == 0
    assert office.run("calendar", "sync").code == 0
    assert _count(office) == 1


def test_what_a_calendar_lets_pass_is_said_and_needs_the_right_of_who_applies_it(office: Office, pat: str) -> None:
    """CT-2, GV-4: its owner's right is not lent to whoever syncs the file."""
    write(office, "parks.csv", row("open", SSN) + ",a lesson", head="id,at,text,override:ssn")
    said = office.run("calendar", "check")
    assert (said.code, "parks.csv:4: 'open': let pass: ssn (block): '•••-••-••20'" in said.out) == (0, True)
    (found,) = office.run("calendar", "check", "--json").data["files"][0]["findings"]
    assert (found["rule"], found["let_pass"]) == ("ssn", "a lesson")
    line = office.fails("calendar", "sync", STANDFAST_TOKEN=pat)
    assert "pat may not apply calendar parks.csv past the check ssn: pat does not hold 'override'" in line
    assert (_count(office), _log(office, "content.override")) == (0, [])
    assert _log(office, "refused")[-1][:2] == ("pat", "sync calendar parks.csv past the check ssn")
    said = office.run("calendar", "sync")
    assert (said.code, "note: " in said.err, "let pass: ssn" in said.err) == (0, True, True)
    ((actor, subject, detail),) = _log(office, "content.override")
    assert (actor, subject, detail["why"]) == ("ana", "calendar parks.csv entry open", "a lesson")


def test_an_owner_without_the_right_lets_nothing_pass(office: Office, pat: str) -> None:
    """CT-2, GV-4: looked over by hand and at the sync; the refusal is the owner's."""
    write(office, "parks.csv", row("open", SSN) + ",a lesson", head="id,at,text,override:ssn", owner="pat")
    why = "'pat': may not let pass the check ssn on channel parks: pat does not hold 'override'"
    for command in ("check", "sync"):
        said = office.run("calendar", command)
        assert (said.code, why in said.out) == (1, True)
    assert _log(office, "refused")[-1][:2] == ("pat", "sync calendar parks.csv past the check ssn")
    assert _count(office) == 0


def test_a_broken_file_of_checks_applies_no_calendar(office: Office) -> None:
    """CT-2"""
    settings = office.city.root / "standfast.toml"
    settings.write_text(settings.read_text() + '\nchecks = "checks.toml"\n')
    (office.city.root / "checks.toml").write_text("[levels]\nssn = 1\n")
    _calendar(office, "Open.")
    said = office.run("calendar", "sync")
    assert said.code == 1
    assert "levels.ssn = 1 is not text" in said.out
    assert _count(office) == 0


def test_in_an_emergency_nothing_is_blocked_and_everything_is_kept(office: Office) -> None:
    """CT-2: what would have been refused is said and recorded."""
    with writing(office.engine) as session:
        killswitch.suspend(cursor(session), dialect(session), killswitch.Order("r", "ana"))
    said = office.run("crisis", "post", "--all", "--text", SSN)
    assert said.code == 0
    assert "not blocked, for this is an emergency: ssn (block): '•••-••-••20'" in said.err
    ((_, _, detail),) = _log(office, "crisis.post")
    assert [finding["rule"] for finding in detail["not_blocked"]["parks"]] == ["ssn"]


def test_in_an_emergency_broken_checks_are_a_warning(office: Office) -> None:
    """CT-2"""
    settings = office.city.root / "standfast.toml"
    settings.write_text(settings.read_text() + '\nchecks = "gone.toml"\n')
    with writing(office.engine) as session:
        killswitch.suspend(cursor(session), dialect(session), killswitch.Order("r", "ana"))
    said = office.run("crisis", "post", "--all", "--text", "Stay inside.")
    assert said.code == 0
    assert "warning: the content checks could not look at this" in said.err


def test_without_the_dictionary_the_rest_is_checked_and_it_is_said(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CT-4"""
    from policy import language
    from scheduler.planning import content_checks

    for cache in (language._linter, language._read, content_checks._built):
        cache.cache_clear()
    monkeypatch.setitem(sys.modules, "harper", None)
    said = office.run(*ADD, "--text", "The libary is damn open.")
    assert said.code == 0
    assert "spelling and grammar are not checked: run " in said.err
    assert "-m pip install 'standfast[checks]'" in said.err
    assert "profanity (review)" in said.err
    content_checks._built.cache_clear()
