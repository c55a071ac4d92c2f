"""The checks measured on labelled posts: how many of the labelled faults they find, and how often they cry wolf."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.fault import Fault
from policy.catalog import CATALOG
from policy.checks import Checks
from policy.finding import Finding
from policy.post import Media, Post

NO_FALSE_ALARM = ("ssn", "payment_card")
MOST_FALSE_ALARMS = 0.02
LEAST_RECALL = {"block": 0.95}
OTHER_RECALL = 0.80
MOST_BYTES = 20 * 2**20


class SetError(Fault):
    """A labelled set that cannot be read, in one line."""


@dataclass(frozen=True)
class Labelled:
    """A post with what should be found in it: (rule, quote)."""

    id: str
    post: Post
    expect: tuple[tuple[str, str], ...]


@dataclass
class Score:
    """How a rule did: labels found and missed, findings with and without a label, good posts that it tripped on."""

    found: int = 0
    missed: list[str] = field(default_factory=list)
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    good: int = 0
    alarms: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float | None:
        """Of the labels, the share that was found; None without labels."""
        labels = self.found + len(self.missed)
        return self.found / labels if labels else None

    @property
    def precision(self) -> float | None:
        """Of the findings, the share that has a label; None without findings."""
        findings = self.right + len(self.wrong)
        return self.right / findings if findings else None

    @property
    def false_alarm_rate(self) -> float:
        """Of the good posts, the share that it tripped on."""
        return len(self.alarms) / self.good if self.good else 0.0


def read(file: Path) -> list[Labelled]:
    """The posts of a JSON Lines file. Raises SetError naming file and line."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise SetError(f"{file} is larger than {MOST_BYTES // 2**20} MB: name a labelled set")
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise SetError(
            f"{file} cannot be read ({error}): name a labelled set, as tests/data in the source has them"
        ) from None
    return [_row(file, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _row(file: Path, number: int, line: str) -> Labelled:
    try:
        row: dict[str, Any] = json.loads(line)
        expect = tuple((label["rule"], label["quote"]) for label in row["expect"])
        if unknown := [rule for rule, _ in expect if rule not in CATALOG]:
            raise ValueError(f"{unknown[0]!r} is no rule")
        media = tuple(Media(m["file"], m["alt"] or "", m.get("captions"), m.get("rights", "")) for m in row["media"])
        post = Post(row["text"], row["platform"], media, row.get("share_of", ""), bool(row.get("source_checked")))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SetError(
            f"{file}:{number}: is no labelled post ({type(error).__name__}: {error}): mend the line"
        ) from None
    return Labelled(str(row.get("id", number)), post, expect)


def measure(checks: Checks, posts: Iterable[Labelled]) -> dict[str, Score]:
    """The score of each rule over `posts`."""
    scores = {rule: Score() for rule in CATALOG}
    for labelled in posts:
        _add(scores, labelled, checks.run(labelled.post))
    return scores


def _add(scores: Mapping[str, Score], labelled: Labelled, found: list[Finding]) -> None:
    for rule, quote in labelled.expect:
        if any(finding.rule == rule and _meets(labelled.post, finding, quote) for finding in found):
            scores[rule].found += 1
        else:
            scores[rule].missed.append(f"{labelled.id}: {quote!r}")
    for finding in found:
        labels = [quote for rule, quote in labelled.expect if rule == finding.rule]
        if any(_meets(labelled.post, finding, quote) for quote in labels):
            scores[finding.rule].right += 1
        else:
            scores[finding.rule].wrong.append(f"{labelled.id}: {finding.quote!r}")
    if not labelled.expect:
        for rule, score in scores.items():
            score.good += 1
            score.alarms += [labelled.id] if any(finding.rule == rule for finding in found) else []


def _meets(post: Post, finding: Finding, quote: str) -> bool:
    """True when the finding overlaps the quoted words wherever they stand; without a quote, always."""
    text = dict(post.texts()).get(finding.where, "")
    start = text.find(quote)
    while quote and start >= 0:
        if finding.start < start + len(quote) and start < finding.end:
            return True
        start = text.find(quote, start + 1)
    return not quote


def missed_aims(checks: Checks, scores: Mapping[str, Score]) -> list[str]:
    """One line for each aim that a rule misses."""
    lines = []
    for rule, score in scores.items():
        level = checks.rules.level(rule)
        most = 0.0 if rule in NO_FALSE_ALARM else MOST_FALSE_ALARMS
        if (level == "block" or rule in NO_FALSE_ALARM) and score.false_alarm_rate > most:
            lines.append(
                f"{rule}: false alarms on {score.false_alarm_rate:.1%} of the good posts, more than {most:.0%}"
            )
        least = LEAST_RECALL.get(level, OTHER_RECALL)
        if level != "off" and score.recall is not None and score.recall < least:
            lines.append(f"{rule}: finds {score.recall:.0%} of the labelled faults, less than {least:.0%}")
    return lines
