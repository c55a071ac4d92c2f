"""What an entry says about itself beside its words: whose post it shares, whose its images are, what may pass a check."""

from __future__ import annotations

import pytest

from tests.calendars import test_reader
from tests.calendars.conftest import Read
from tests.calendars.test_reader import GOOD, HEAD

MISTAKES = [  # what stands from line 4 on, line, value, message
    (
        GOOD + "  share_of: see below\n",
        7,
        "see below",
        "is neither an address nor an account: write https://… or @name",
    ),
    (GOOD + "  share_of: '@a'\n  source_checked: perhaps\n", 8, "perhaps", "is neither yes nor no: write one of them"),
    (GOOD + "  source_checked: yes\n", 7, "yes", "is about a source, but the entry shares nothing: add 'share_of'"),
    (GOOD + "  override: ssn\n", 7, "override", "takes one line per check: write 'CHECK: why it may pass' below it"),
    (
        GOOD + "  override:\n    ssn:\n",
        8,
        "ssn",
        "gives no reason: say after the ':' why it may pass, or remove the line",
    ),
    (GOOD + "  override:\n    ssn: ' '\n", 8, "ssn", "gives no reason: say why it may pass, or remove it"),
    (
        GOOD + f"  override:\n    ssn: {'y' * 1001}\n",
        8,
        f"{'y' * 79}…",
        "is a reason of 1001 characters, more than 1000",
    ),
]


@pytest.mark.parametrize(("body", "line", "value", "message"), MISTAKES, ids=[row[3][:40] for row in MISTAKES])
def test_a_mistake_in_what_it_says_is_named(read: Read, body: str, line: int, value: str, message: str) -> None:
    test_reader.test_a_mistake_in_yaml_is_named(read, body, line, value, message)


def test_what_the_file_says_of_its_images_holds_where_they_say_nothing(read: Read) -> None:
    """CT-4: for the whole file, in both forms; an image's own word goes first."""
    own = "  media: [{file: market.png, alt: A}, {file: market.png, alt: B, rights: Ann's}]\n"
    text = "# owner: maria\n# channel: parks-x\n# rights: City\nid,at,text,media,alt,rights2,media2,alt2\n"
    row = "a,2027-03-01 09:00,Hello,market.png,A,Ann's,market.png,B\n"
    for calendar, faults in (read(f"rights: City\n{HEAD}{GOOD}{own}"), read(text + row, "c.csv")):
        assert faults == []
        assert calendar is not None
        assert [item.rights for item in calendar.entries[0].media] == ["City", "Ann's"]


def test_what_is_said_is_read(read: Read) -> None:
    """CT-4: the twin; `test_properties` has every text."""
    about = "  share_of: https://example.org/1\n  source_checked: Yes\n  override:\n    ssn: a lesson\n"
    image = "  media: {file: market.png, alt: A market, captions: market.vtt, rights: 'City: staff photo'}\n"
    calendar, faults = read(HEAD + GOOD + about + image)
    assert faults == []
    assert calendar is not None
    (entry,) = calendar.entries
    assert (entry.share_of, entry.source_checked, dict(entry.overrides)) == (
        "https://example.org/1",
        True,
        {"ssn": "a lesson"},
    )
    assert (entry.media[0].captions, entry.media[0].rights) == ("market.vtt", "City: staff photo")
