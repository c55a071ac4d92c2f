"""``standfast policy``: the content checks measured, explained and tried."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import post_options
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table

if TYPE_CHECKING:
    from policy.checks import Checks
    from policy.labelled import Labelled, Score

app = typer.Typer(no_args_is_help=True, help="The content checks: measure them, explain a rule, try a text.")
TUNED, KEPT_ASIDE = "posts_tuning.jsonl", "posts_held_out.jsonl"
"""The labelled sets of the source: the lists were made with the first; nobody looked at the second meanwhile."""
DATA = Path(__file__).resolve().parents[1] / "tests" / "data"

LabelledSet = Annotated[
    list[str] | None, typer.Option("--set", metavar="FILE", help="A labelled set (default: those of the source).")
]
Wanted = Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The text of a post.")]
Platform = Annotated[str, typer.Option("--platform", metavar="P", help="Counts its length as this platform does.")]


@app.command("test")
def measure(file: LabelledSet = None, json: Json = False) -> None:
    """Measure every check on labelled posts: precision, recall, false alarms on good posts.

    Exit code 1 when an aim is missed on a set you name, or on the one that the lists were made with. What is missed on the one
    that was kept aside is said.
    """
    with guarded() as context:
        from policy import labelled
        from scheduler.planning import content_checks

        checks = content_checks.of(context.settings)
        read = {path: labelled.read(path) for path in _sets(file)}
        measured = {path: labelled.measure(checks, posts) for path, posts in read.items()}
        missed, aside = _missed(checks, measured, judged=[path for path in read if file or path.name != KEPT_ASIDE])
        if json:
            sets = [_as_data(path, read[path], measured[path], checks) for path in read]
            emit({"sets": sets, "missed": missed, "kept_aside": aside})
        else:
            _print(checks, read, measured)
        if checks.missing:
            say(f"warning: {checks.missing}")
        for line in [*(f"kept aside: {line}" for line in aside), *(f"missed: {line}" for line in missed)]:
            say(line)
        if missed:
            raise typer.Exit(1)


def _missed(
    checks: Checks, measured: Mapping[Path, Mapping[str, Score]], judged: Collection[Path]
) -> tuple[list[str], list[str]]:
    """The aims missed on the sets that are judged, and on those that are only told of."""
    from policy import labelled

    lines = {path: labelled.missed_aims(checks, scores) for path, scores in measured.items()}
    told = {path: [f"{path.name}: {line}" for line in found] for path, found in lines.items()}
    return (
        [line for path, found in told.items() if path in judged for line in found],
        [line for path, found in told.items() if path not in judged for line in found],
    )


def _sets(given: Sequence[str] | None) -> list[Path]:
    if given:
        return [Path(clean_text(name, "--set")) for name in given]
    found = [DATA / name for name in (TUNED, KEPT_ASIDE) if (DATA / name).is_file()]
    if not found:
        raise UserError(
            "the labelled sets come with the source, not with the wheel: name one with --set tests/data/FILE.jsonl"
        )
    return found


def _print(checks: Checks, read: Mapping[Path, list[Labelled]], measured: Mapping[Path, Mapping[str, Score]]) -> None:
    for path, scores in measured.items():
        good = sum(not posts.expect for posts in read[path])
        post_options.out(f"{path.name}: {len(read[path])} posts, {good} of them good")
        heads = ("check", "level", "labels", "recall", "precision", "false alarms on good posts")
        table(heads, [_row(checks, rule, score) for rule, score in scores.items()])


def _row(checks: Checks, rule: str, score: Score) -> tuple[object, ...]:
    labels = score.found + len(score.missed)
    alarms = f"{len(score.alarms)} ({score.false_alarm_rate:.1%})"
    return rule, checks.rules.level(rule), labels, _share(score.recall), _share(score.precision), alarms


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _as_data(path: Path, posts: Sequence[Labelled], scores: Mapping[str, Score], checks: Checks) -> dict[str, Any]:
    rows = {
        rule: {
            "level": checks.rules.level(rule),
            "labels": score.found + len(score.missed),
            "recall": score.recall,
            "precision": score.precision,
            "false_alarm_rate": score.false_alarm_rate,
            "missed": score.missed,
            "false_alarms": score.alarms,
        }
        for rule, score in scores.items()
    }
    return {"file": str(path), "posts": len(posts), "good": sum(not post.expect for post in posts), "checks": rows}


@app.command("explain")
def explain(
    rule: Annotated[str | None, typer.Argument(metavar="[RULE]", help="A check (default: a list of all).")] = None,
    json: Json = False,
) -> None:
    """Say which clause a check stands for, how strict it is, what it looks at, and how to change it."""
    with guarded() as context:
        from config.wording import did_you_mean
        from policy.catalog import CATALOG
        from scheduler.planning import content_checks

        checks = content_checks.of(context.settings)
        if rule is not None and rule not in CATALOG:
            raise UserError(f"{rule[:60]!a} is no check: {did_you_mean(rule, CATALOG)}")
        found = [_explained(context, checks, name) for name in ([rule] if rule else CATALOG)]
        if json:
            emit(found[0] if rule else found)
        elif rule:
            table(
                ("check", rule), [(name.replace("_", " "), value) for name, value in found[0].items() if name != "rule"]
            )
        else:
            table(("check", "level", "clause"), [(row["rule"], row["level"], row["clause"]) for row in found])


def _explained(context: Context, checks: Checks, rule: str) -> dict[str, Any]:
    from policy.catalog import CATALOG, POLICY
    from policy.rules import LISTS, SHIPPED

    known, own = CATALOG[rule], context.settings.checks
    lists = f"; its words in [{rule}]" if rule in LISTS else ""
    file = (
        str(own) if own else f'a file of yours, named by checks = "checks.toml" in standfast.toml (shipped: {SHIPPED})'
    )
    windows = [f"{e.name}: {e.first} to {e.last}" for e in checks.rules.elections] if rule == "political" else []
    return {
        "rule": rule,
        "level": checks.rules.level(rule),
        "clause": f"{POLICY}, {known.clause}",
        "policy_words": known.words,
        "looks_at": known.looks_at,
        "what_to_do": known.what_to_do,
        "to_change_it": f"{rule} under [levels]{lists}, in {file}",
    } | ({"election_windows": "; ".join(windows)} if windows else {})


@app.command("check")
def check(
    text: Wanted = None, text_file: post_options.TextFile = None, platform: Platform = "", json: Json = False
) -> None:
    """Try a text: every finding of the checks. Exit code 1 when one of them would keep it from being queued."""
    with guarded() as context:
        from dataclasses import replace

        from scheduler.planning import content_checks

        words = post_options.text_of(text, text_file)
        if words is None:
            raise UserError("nothing to check: give the text, or --text-file FILE ('-': stdin)")
        checks = content_checks.of(context.settings)
        post = replace(content_checks.post_of(words), platform=clean_text(platform, "--platform"))
        found = checks.run(post)
        if json:
            emit({"findings": [finding.as_data() for finding in found], "missing": checks.missing})
        else:
            _lines(map(str, found) if found else ["nothing found"])
        if checks.missing:
            say(f"warning: {checks.missing}")
        if any(finding.level == "block" for finding in found):
            raise typer.Exit(1)


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        table((line,), ())
