"""What a statement could wrongly have been: small changes to SQL text that keep it valid and keep its parameters.

The switch's logic stands in SQL, which no mutation tool knows. `{…}` in a text is a placeholder of an f-string or of
`str.format` and counts as an operand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LOOKS_LIKE_SQL = re.compile(r"\b(SELECT|UPDATE|INSERT|WHERE|AND|OR|FROM|JOIN|UNION|SET)\b")
OPERAND = r"(?:\?|'[^']*'|\{[^{}]*\}|[\w.]+)"
CONDITION = re.compile(
    rf"(?<![\w.])(?:WHERE |AND |OR |ON |\()(?P<condition>{OPERAND} (?:=|<>|<=|>=|<|>) {OPERAND}"
    rf"|{OPERAND} IS (?:NOT )?NULL|{OPERAND} (?:NOT )?IN (?:\([^()]*\)|\{{[^{{}}]*\}}))"
)
EXISTS = re.compile(r"(?:NOT )?EXISTS \(")
BOUNDARY = re.compile(r" (<=|>=|<|>) ")
ACROSS = {"<=": "<", ">=": ">", "<": "<=", ">": ">="}
SET = re.compile(r"\bSET (?P<assignments>.*?)(?= WHERE| RETURNING|['\"]*$)", re.DOTALL)
ASSIGNMENT = re.compile(r"(?P<column>\w+) = (?P<value>\?|'[^']*'|\w+)")
LIST = re.compile(r"\((?P<items>'[^']*'(?:, '[^']*')+)\)")
OTHERWISE = (
    (re.compile(r"\bMAX\("), "MIN("),
    (re.compile(r" DESC\b"), ""),
    (re.compile(r"\bORDER BY [\w.]+(?! DESC)\b"), r"\g<0> DESC"),
    (re.compile(r" ?UNION ALL SELECT [\w., ]+ FROM \w+"), ""),
    (re.compile(r" ON CONFLICT DO NOTHING"), ""),
    (re.compile(r"\bDISTINCT "), ""),
)


def rewrites(text: str) -> Iterator[str]:
    """Every text that differs from the statement `text` in one place; none when it is not SQL."""
    yield from _without_item(text)
    if not LOOKS_LIKE_SQL.search(text):
        return
    for start, end in (*_conditions(text), *_subqueries(text)):
        for forced in ("({} OR 1 = 1)", "({} AND 1 = 0)"):
            yield text[:start] + forced.replace("{}", text[start:end]) + text[end:]
    for match in BOUNDARY.finditer(text):
        yield text[: match.start(1)] + ACROSS[match[1]] + text[match.end(1) :]
    yield from _without_assignment(text)
    for pattern, other in OTHERWISE:
        for match in pattern.finditer(text):
            yield text[: match.start()] + match.expand(other) + text[match.end() :]


def _conditions(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while match := CONDITION.search(text, at):
        yield match.span("condition")
        at = match.start("condition")


def _subqueries(text: str) -> Iterator[tuple[int, int]]:
    """Where each ``EXISTS (…)`` that is closed within the text stands."""
    for match in EXISTS.finditer(text):
        depth, at = 1, match.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        if not depth:
            yield match.start(), at


def _without_assignment(text: str) -> Iterator[str]:
    """Each column that ``SET`` changes left as it was, with its parameter taken all the same."""
    for clause in SET.finditer(text):
        for match in ASSIGNMENT.finditer(text, *clause.span("assignments")):
            column, value = match["column"], match["value"]
            kept = f"CASE WHEN 1 = 1 THEN {column} ELSE ? END" if value == "?" else column
            yield text[: match.start("value")] + kept + text[match.end("value") :]


def _without_item(text: str) -> Iterator[str]:
    """Each list of quoted words without one of them."""
    for match in LIST.finditer(text):
        items = match["items"].split(", ")
        for left_out in range(len(items)):
            kept = ", ".join(item for number, item in enumerate(items) if number != left_out)
            yield text[: match.start("items")] + kept + text[match.end("items") :]
