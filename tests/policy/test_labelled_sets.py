"""The labelled posts are what the checks' measure takes them for: well formed, rightly quoted, enough of each, set apart."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.facebook import FacebookConnector
from connectors.outbox import OutboxConnector
from connectors.x import XConnector

DATA = Path(__file__).resolve().parents[1] / "data"
BLOCKING = ("ssn", "payment_card", "missing_alt", "fancy_letters", "platform_length")
OTHERS = (
    *("health", "legal", "political", "commercial", "profanity", "derogatory", "first_person", "spelling", "grammar"),
    *("acronym", "shouting", "hashtag_case", "emoji_run", "link_text", "captions", "rights", "share_source"),
)
WHOLE = ("missing_alt", "platform_length", "captions", "rights", "share_source")
"""Rules about the post as a whole: their labels quote nothing, and follow from the post's own fields."""
WORDED = "missing_alt"
"""The one of them that may also be about words: an alt text that is there and says nothing."""
SIZES = {
    "posts_tuning.jsonl": {"all": 600, "good": 250, "blocking": 20, "other": 14},
    "posts_held_out.jsonl": {"all": 380, "good": 160, "blocking": 10, "other": 8},
}
SETS = tuple(SIZES)
LENGTH = {"facebook": FacebookConnector.length, "x": XConnector.length, "outbox": OutboxConnector.length}
FIELDS: dict[str, type] = {
    **{"id": str, "text": str, "platform": str, "media": list},
    **{"share_of": str, "source_checked": bool, "expect": list},
}
VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".avi", ".mkv")
MOST_ACRONYMS = 25


def _posts(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def _shape_faults(post: dict[str, Any]) -> list[str]:
    faults = [key for key in FIELDS.keys() ^ post.keys()]
    faults += [key for key, kind in FIELDS.items() if not isinstance(post.get(key), kind)]
    for item in post["media"]:
        well = item.keys() == {"file", "alt", "captions", "rights"} and re.fullmatch(r"[\w-]+\.\w+", item["file"])
        well = well and isinstance(item["alt"], str) and isinstance(item["rights"], str)
        faults += [] if well and (item["captions"] is None or item["captions"]) else [str(item)]
    faults += [str(label) for label in post["expect"] if label.keys() != {"rule", "quote"}]
    faults += [label["rule"] for label in post["expect"] if label["rule"] not in (*BLOCKING, *OTHERS)]
    return faults if post["platform"] in LENGTH and post["text"].strip() else [*faults, "platform or text"]


def _quote_faults(post: dict[str, Any]) -> list[str]:
    texts = [post["text"], *(item["alt"] for item in post["media"])]
    return [
        f"{post['id']}: {label}"
        for label in post["expect"]
        if (label["rule"] in WHOLE) != (label["quote"] == "") or not any(label["quote"] in text for text in texts)
    ]


def _of_the_whole(post: dict[str, Any]) -> set[str]:
    """The rules about the post as a whole that its fields break."""
    media = post["media"]
    length = LENGTH[post["platform"]](post["text"])
    broken = {
        "missing_alt": any(not item["alt"].strip() for item in media),
        "captions": any(
            item["file"].lower().endswith(VIDEOS) and not (item["captions"] or "").strip() for item in media
        ),
        "rights": any(not item["rights"].strip() for item in media),
        "share_source": bool(post["share_of"]) and not post["source_checked"],
        "platform_length": length.count > length.limit,
    }
    return {rule for rule, is_broken in broken.items() if is_broken}


def _digits(quote: str) -> str:
    return "".join(str(unicodedata.digit(sign)) for sign in quote if sign.isdigit())


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _number_faults(post: dict[str, Any]) -> list[str]:
    found = [(label["rule"], _digits(label["quote"])) for label in post["expect"]]
    return [
        f"{post['id']}: {digits}"
        for rule, digits in found
        if (rule == "payment_card" and not (13 <= len(digits) <= 19 and _luhn(digits)))
        or (rule == "ssn" and not re.fullmatch(r"(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}", digits))
    ]


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


@pytest.mark.parametrize("name", SETS)
def test_every_line_is_a_post_of_the_agreed_shape(name: str) -> None:
    assert {post["id"]: faults for post in _posts(name) if (faults := _shape_faults(post))} == {}


@pytest.mark.parametrize("name", SETS)
def test_every_label_quotes_its_post(name: str) -> None:
    assert [fault for post in _posts(name) for fault in _quote_faults(post)] == []


@pytest.mark.parametrize("name", SETS)
def test_labels_about_the_whole_post_follow_from_its_fields(name: str) -> None:
    """This also keeps a good post within the length that its platform counts, and its media complete."""
    faults = {}
    for post in _posts(name):
        said, broken = {label["rule"] for label in post["expect"]} & set(WHOLE), _of_the_whole(post)
        if said - ({WORDED} if post["media"] else set()) != broken - {WORDED} or broken - said:
            faults[post["id"]] = (said, broken)
    assert faults == {}


@pytest.mark.parametrize("name", SETS)
def test_labelled_numbers_are_what_they_are_labelled_as(name: str) -> None:
    assert [fault for post in _posts(name) for fault in _number_faults(post)] == []


@pytest.mark.parametrize("name", SETS)
def test_there_is_enough_of_everything(name: str) -> None:
    posts, sizes = _posts(name), SIZES[name]
    bad = Counter(rule for post in posts for rule in {label["rule"] for label in post["expect"]})
    assert len(posts) >= sizes["all"]
    assert sum(not post["expect"] for post in posts) >= sizes["good"]
    assert {rule: bad[rule] for rule in BLOCKING if bad[rule] < sizes["blocking"]} == {}
    assert {rule: bad[rule] for rule in OTHERS if bad[rule] < sizes["other"]} == {}


def test_no_post_stands_twice_and_none_in_both_sets() -> None:
    posts = [post for name in SETS for post in _posts(name)]
    for key in ("id", "text"):
        assert [value for value, times in Counter(post[key] for post in posts).items() if times > 1] == []
    assert [text for text, times in Counter(_bare(post["text"]) for post in posts).items() if times > 1] == []


def test_the_city_s_list_of_acronyms_is_short() -> None:
    listed = (DATA / "acronyms.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert [word for word in listed if not re.fullmatch(r"[A-Z]{2,6}", word)] == []
    assert sorted(set(listed)) == listed
    assert len(listed) <= MOST_ACRONYMS


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"expect": [{"rule": "ssn", "quote": "078-05-1121"}]}, _quote_faults),
        ({"expect": [{"rule": "rights", "quote": "Fine"}]}, _quote_faults),
        ({"expect": [{"rule": "shouting", "quote": ""}]}, _quote_faults),
        ({"expect": [{"rule": "loud", "quote": "Fine"}]}, _shape_faults),
        ({"media": [{"file": "a.jpg", "alt": None, "captions": None, "rights": ""}]}, _shape_faults),
        ({"source_checked": "no"}, _shape_faults),
        ({"expect": [{"rule": "payment_card", "quote": "4111 1111 1111 1112"}]}, _number_faults),
        ({"expect": [{"rule": "ssn", "quote": "987-65-4321"}]}, _number_faults),
        ({"media": [{"file": "a.mp4", "alt": "A pool", "captions": None, "rights": "ours"}]}, _of_the_whole),
        ({"platform": "x", "text": "🎉" * 141}, _of_the_whole),
        ({"share_of": "https://x.com/a/status/1"}, _of_the_whole),
    ],
)
def test_a_fault_in_a_set_is_seen(change: dict[str, Any], fault: Any) -> None:
    sound = {
        "id": "a",
        "text": "Fine",
        "platform": "x",
        "media": [],
        "share_of": "",
        "source_checked": False,
        "expect": [],
    }
    assert not any(look(sound) for look in (_shape_faults, _quote_faults, _number_faults, _of_the_whole))
    assert fault({**sound, **change})
