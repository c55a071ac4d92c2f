"""What a package says of itself: what was asked for, what is in it, how to check it, and what is not held and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config import clock
from records.export import dictionary, layout
from records.export.plain import visible

PLATFORMS = (
    "What the public wrote on the city's accounts (comments, replies, mentions, private messages) is held only where it was "
    "captured: each of these is a record of series `inbound`. Platforms give no complete history of it afterwards.",
    "What was hidden or deleted on a platform before it was captured is not held.",
    "Who saw, shared or liked a post is the platform's own knowledge and is not held.",
    "What was posted on the platforms by hand, past this program, is held only where it was found or captured.",
    "Of what a platform made of an image or video (other sizes, other formats) only the original that was sent is held.",
)
"""What platforms do not give to anybody who asks."""
UNDER_WAY = ("publishing", "unknown")
FILES = (
    (layout.RECORDS, "every record, a line of JSON each, with its content or the name of the file that holds it"),
    (layout.POSTS, "every post that these records are about, with its state: held, refused and cancelled ones as such"),
    (layout.LOG, "the entries of the log that belong to it"),
    ("csv/", "the same as tables; cells are defused, so that no spreadsheet runs them"),
    (layout.SHEETS, "the same tables as sheets of one file"),
    (layout.WEB, "what was sent to platforms and answered, and what was captured there, as a web archive (WARC 1.1)"),
    (layout.REPORT, "the same to be read (tagged PDF); where there is much, more files follow: report-002.pdf …"),
    (f"{layout.MEDIA}/", "originals of images and videos, by their SHA-256"),
    (f"{layout.MAIL}/", "messages, byte for byte, by record number"),
    (f"{layout.CONTENT}/", "other contents that are long or no text, by record number"),
    (layout.DICTIONARY_MD, "what each field means"),
    (layout.NOT_HELD, "what is not here, and why"),
    ("proof/", "what it takes to check that each record is as the city's log names it"),
    (layout.REDACTIONS, "in a redacted copy: which records lack something, and why"),
)
MARKS = "Anything written as `\\x00` or `\\u202e` stands for a character that has no shape or turns a text around; the JSON " \
    "lines have it as it is."  # fmt: skip


def write(folder: Path, about: Mapping[str, Any]) -> None:
    """Put the papers into the package in `folder`."""
    layout.write_json(folder / layout.ABOUT, about)
    (folder / layout.README).write_text(readme(about), encoding="utf-8")
    (folder / layout.NOT_HELD).write_text(not_held(about), encoding="utf-8")
    (folder / layout.DICTIONARY_MD).write_text(dictionary.as_markdown(), encoding="utf-8")
    (folder / layout.DICTIONARY_CSV).write_bytes(dictionary.as_csv())


def title(about: Mapping[str, Any]) -> str:
    """What the package is, on one line."""
    copy = "Redacted copy of the records" if about["redacted"] else "Records"
    return visible(f"{copy} for request {about['request']}")


def facts(about: Mapping[str, Any]) -> Iterator[str]:
    """What it holds, a line each."""
    yield f"Request: {visible(about['request'])}"
    yield f"Asked for: {query(about)}"
    yield f"Taken from the store at {clock.to_text(about['at'])} by {visible(about['by'])}"
    counts = about["counts"]
    yield f"{counts['records']:,} records, {counts['posts']:,} posts, {counts['log']:,} entries of the log"
    for name in ("series", "states"):
        if about[name]:
            told = ", ".join(f"{word}: {number:,}" for word, number in sorted(about[name].items()))
            yield f"{'Records by series' if name == 'series' else 'Posts by state'}: {told}"


def query(about: Mapping[str, Any]) -> str:
    """What was asked for, in words."""
    given = about["query"]
    return visible(", ".join(f"{name} {value}" for name, value in given.items())) or "everything"


def readme(about: Mapping[str, Any]) -> str:
    """The page to begin with."""
    said = [f"# {_escaped(title(about))}", ""]
    said += [f"* {_escaped(fact)}" for fact in facts(about)]
    said += ["", "## What is where", ""]
    said += [f"* `{name}`: {what}" for name, what in FILES if name != layout.REDACTIONS or about["redacted"]]
    said += ["", MARKS, "", "## How to check it", "", CHECK, ""]
    said += [UNCHECKED, ""] if about["redacted"] else []
    return "\n".join(said)


CHECK = """`bagit.py --validate FOLDER` finds any file that was changed, added or taken out, and names it. `warcio check` does
so for the web archive. That each record is as the city's log names it is checked from `proof/`, by the description in the
program's documentation (docs/records.md, "A package"): the hash of each record, of each entry, and of what an entry names."""
UNCHECKED = f"""Of what `{layout.REDACTIONS}` names, and of the entries whose hashes are left out, that cannot be checked here:
a check names these. The first package, from which this copy was made, has what it takes."""


def not_held(about: Mapping[str, Any]) -> str:
    """The statement of what is not in the package."""
    said = ["# What is not held, or not in this package", "", f"For request {_escaped(visible(about['request']))}.", ""]
    for heading, found in parts(about):
        said += [f"## {heading}", "", *(f"* {_escaped(item)}" for item in found), ""]
    return "\n".join(said)


def parts(about: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The statement by headings."""
    yield "What platforms do not give", [words.replace("`", "") for words in PLATFORMS]
    disposed = [
        f"{number:,} records: their content was disposed of by the retention schedule, disposition {by} "
        f"({_certified(about['certificates'].get(by, {}))}); the rest is here"
        for by, number in sorted(about["disposed"].items())
    ]
    yield "What was disposed of", disposed or ["Nothing of what was asked for."]
    missing = [
        f"{number:,} records: the file of their original is {why}" for why, number in sorted(about["gone"].items())
    ]
    yield "What is missing", missing or ["Nothing of what was asked for."]
    open_ = [f"{about['states'][state]:,} posts in state {state}" for state in UNDER_WAY if about["states"].get(state)]
    why = "It is not known yet whether these went out; what becomes of them is a later record."
    yield "What is under way", [*open_, why] if open_ else ["Nothing of what was asked for."]
    yield "What came later", [f"Whatever happened after {clock.to_text(about['at'])}."]
    if about["redacted"]:
        yield (
            "What was taken out",
            [f"See {layout.REDACTIONS}: which records, and by what reason; ████ stands in its place."],
        )


def _certified(told: Mapping[str, Any]) -> str:
    """What vouches for a disposition, from `vouched.certificates`."""
    if not told or told["certificate"] is None:
        return "under way: its certificate comes when it ends"
    sources = "; ".join(told["sources"])
    said = f"certificate: record {told['certificate']} of {clock.to_text(told['ended_at'])}, approved by {told['approved_by']}"
    return visible(f"{said}; {sources}" if sources else said)


def _escaped(text: str) -> str:
    """`text` as Markdown that is nothing but text."""
    marks = "\\`*_{}[]<>#|!"
    return "".join(f"\\{char}" if char in marks else char for char in " ".join(text.split()))


def fingerprint(about: Mapping[str, Any]) -> str:
    """What was asked for as one line of ASCII, for the bag's own file."""
    return json.dumps(about["query"], ensure_ascii=True)[:1000]
