"""libyaml is believed only where it says what ruamel says: the same values, on the same lines, and the same refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from calendars import yaml_events, yaml_tree
from calendars.yaml_events import Doubtful, NotReadable
from calendars.yaml_tree import Mapping, Node, Scalar, Sequence
from tests.calendars.test_properties import VALID

DOCUMENTS = Path(__file__).parents[2] / "docs" / "calendars.md"
MANY = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)

INDICATORS = [
    "-",
    "- ",
    ":",
    ": ",
    "?",
    "? ",
    ",",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "#",
    " # c",
    "&a ",
    "*a",
    "!",
    "! ",
    "!t ",
]
INDICATORS += [
    "|",
    ">",
    "|-\n",
    ">+\n",
    ">2\n",
    "|1-",
    "'",
    "''",
    '"',
    '\\"',
    "\\",
    "\\n",
    "\\x",
    "\\u0041",
    "\\L",
    "\\\n",
]
INDICATORS += [
    "%",
    "%YAML 1.1\n",
    "@",
    "`",
    "---",
    "--- ",
    "---\n",
    "\n...\n",
    "<<: ",
    "=",
    "~",
    "::",
    "[]",
    "{}",
    "[,]",
]
WORDS = [
    "a",
    "id",
    "key: ",
    "x y",
    "null",
    "no",
    "12:30",
    "0o7",
    "010",
    "1_0",
    "2027-03-01",
    "é",
    "😀",
    "a:b",
    "a#b",
    "-a",
]
WORDS += [
    "a-",
    ":a",
    "'b'",
    '"c"',
    "[a, b]",
    "{a: b}",
    "k" * 1030,
    "entries:\n",
    "|\n  a\n\n   b\n",
    ">\n  a\n\n  b\n  c\n",
]
SPACES = ["\n", "\n", "\n", " ", "  ", "    ", "\n  ", "\n- ", "\n    ", "\n\n", " \n", "\t"]
ODD = ["\x7f", "\x85", "\u2028", "\xa0", "\ufeff", "\U0010ffff", "\\/", "\\_", "\\UFFFFFFFF"]
PIECES = st.one_of(*map(st.sampled_from, (INDICATORS, WORDS, WORDS, SPACES, SPACES)), st.sampled_from([*ODD, "a"]))

TRAPS = [
    "no",
    "on",
    "yes",
    "Off",
    "true",
    "~",
    "null",
    "12:30",
    "1:30:00",
    "010",
    "0o10",
    "0x1F",
    "1_000",
    "1e3",
    ".inf",
]
TRAPS += [
    ".nan",
    "=",
    "2027-03-01",
    "2027-03-01 09:00",
    "2027-03-01T09:00:00Z",
    "080202",
    "+1",
    "-0",
    "<<",
    "- a",
    "a: b",
]
STYLES = [
    "{}",
    "'{}'",
    '"{}"',
    "|\n    {}",
    ">-\n    {}",
    "[{}]",
    "[ {}, x ]",
    "{{k: {}}}",
    "{}\n    more",
    "{} # said",
]


def _outcome(read: object, text: str) -> object:
    """What a reader makes of `text`, or the line, value and words with which it refuses."""
    try:
        return _shape(read(text))  # type: ignore[operator]  # one of the three readers
    except NotReadable as error:
        return error.line, error.value, error.message


def _shape(node: Node | None) -> object:
    """All that a calendar is made of: the line of a value without a character is never asked for."""
    if isinstance(node, Mapping):
        return node.line, [(_shape(key), None if _absent(value) else _shape(value)) for key, value in node.pairs]
    if isinstance(node, Sequence):
        return node.line, [_shape(item) for item in node.items]
    return None if node is None else (node.line, node.text)


def _absent(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None


def _agree(text: str) -> bool:
    """True when libyaml was believed; fails when it says what ruamel does not."""
    right = _outcome(yaml_tree.reference_tree, text)
    assert _outcome(yaml_tree.tree, text) == right
    try:
        quick = yaml_tree.quick_tree(text)
    except (Doubtful, NotReadable):
        return False
    assert _shape(quick) == right
    return True


@MANY
@given(parts=st.lists(PIECES, max_size=14))
def test_pieces_are_read_alike(parts: list[str]) -> None:
    _agree("".join(parts))


@MANY
@given(
    head=st.sampled_from(["a: ", "a:\n- ", "a:\n  b: ", "a: [", "a: {b: ", "a: |", "a: >-\n"]),
    parts=st.lists(PIECES, max_size=8),
)
@example(head="a: |", parts=["\n  \n    b\n"])
@example(head="a: |", parts=["-# c"])
@example(head="a: [", parts=['"":]'])
@example(head="a: [", parts=["{}:-]"])
@example(head="a: [", parts=["[] :]"])
@example(head="a: ", parts=["b\n...\n...\n"])
@example(head="a: ", parts=["! 12"])
@example(head="a:\n- ", parts=["\n- b"])
@example(head="a:\n  ? ", parts=["b"])
def test_values_are_read_alike(head: str, parts: list[str]) -> None:
    _agree(head + "".join(parts))


@MANY
@given(cuts=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 12), PIECES), min_size=1, max_size=4))
def test_a_calendar_with_changes_is_read_alike(cuts: list[tuple[int, int, str]]) -> None:
    text = VALID["yaml"]
    for at, length, piece in cuts:
        place = at % len(text)
        text = text[:place] + piece + text[place + length :]
    _agree(text)


@MANY
@given(text=st.text(max_size=60))
def test_any_text_is_read_alike(text: str) -> None:
    _agree(text.replace("\r", "\n"))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_of_yaml_1_1_is_read_alike(trap: str, style: str) -> None:
    _agree(f"owner: a\nentries:\n- id: b\n  text: {style.format(trap)}\n  at: x\n")


@pytest.mark.parametrize("trap", TRAPS[:21])
def test_a_trap_of_yaml_1_1_stays_as_written(trap: str) -> None:
    root = yaml_tree.quick_tree(f"a: {trap}\n")
    written = None if trap in ("~", "null") else trap
    assert root.pairs == [(Scalar(1, "a"), Scalar(1, written))]


def test_ordinary_calendars_are_read_by_libyaml() -> None:
    """Else all the tests above would agree about nothing."""
    shown = DOCUMENTS.read_text(encoding="utf-8").split("```yaml\n")[1:]
    whole = [VALID["yaml"], *(text.partition("```")[0] for text in shown)]
    assert len(whole) > 1
    assert all(_agree(text) for text in whole)


def test_without_libyaml_all_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = yaml_tree.tree(VALID["yaml"])
    monkeypatch.setattr(yaml_events, "_libyaml", lambda: None)
    with pytest.raises(Doubtful):
        yaml_tree.quick_tree(VALID["yaml"])
    assert _shape(yaml_tree.tree(VALID["yaml"])) == _shape(whole)
