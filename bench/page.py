"""The page of results: Markdown and plots, from this run's results and those of rows that it did not measure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import plot
from bench.figure import Result

TITLES = {
    "stop": "`standfast crisis` to SUSPENDED",
    "commit": "The suspension's commit",
    "quiet": "QUIET CONFIRMED",
    "lateness": "Lateness of a single post",
    "burst": "A thousand posts in one second",
    "daemon": "The daemon with a million queued posts",
    "calendar": "Calendar sync",
    "triage": "Ten thousand missed posts",
    "records": "A million records verified",
}
NOTES = {
    "stop": "Whole processes, from the moment they are asked for to the line that they say; one of each kind in turn. "
    "The bare process imports Typer and the database's driver and commits one row, durably. The naive design "
    "sets a flag through SQLModel; what is under way then goes on, and it does not know what that is.",
    "commit": "Sixteen processes run the publisher on a channel each, against a stand-in that answers within 50 to 200 "
    "ms. A suspension is timed from before its connection is opened until its commit is acknowledged; a bare "
    "writer commits one row in the same way just before it. Then a registered worker is stopped (SIGSTOP) "
    "inside a transaction that holds the store's lock.",
    "quiet": "A daemon has sixteen calls under way; the platform takes one to three seconds for each and then says "
    "what it did (late, slowly, byte by byte). `standfast crisis` runs as a process of its own.",
    "lateness": "From a post's due moment until the sandbox has read its whole request. Our posts and a bare timer's "
    "calls (a process that sleeps until each moment and calls tweepy) take turns at the same sandbox, on the "
    "same machine.",
    "burst": "Posts a second, from the first due moment until the last request had been read. The bare loop is a "
    "process that calls tweepy a thousand times, one call after the other, and keeps its connections. Ours "
    "makes three durable transactions for each post and opens a fresh connection for each. Bursts and loops "
    "in turn; the ratio is that of the medians.",
    "daemon": "Ready: from the start of the process to its own word. Memory after three posts on each of fifty "
    "channels. Growth: `python -m bench.soak`, an hour with a post every three seconds; the first ten minutes "
    "fill caches and do not count.",
    "calendar": "Whole processes of `standfast calendar sync`. XLSX (aim ≤ 20 s) and ICS (aim ≤ 30 s) are NOT MEASURED: "
    "the product does not read them yet.",
    "triage": "Whole processes, from the moment they are asked for to their end: a stop with its receipt, a resume in two "
    "steps, and each verb over all that was held. The bare loop is a process that changes as many rows, one after the "
    "other, in one transaction.",
    "records": "`standfast records verify` without its process: the log, each record that it names and each content, read from "
    "the store and hashed, as one moment sees them. The bare loop hashes as many records and contents of the same "
    "bytes, which lie in its memory. The aim is met by 50,000 records a second, or by half the bare loop's rate.",
}
INTRODUCTION = (
    "Written by `python -m bench`, not by hand. Every figure stands beside what a bare program and the naive design\n"
    "(one APScheduler job per post, pause by a flag) did in the same run. Ratios are of medians of runs taken in turn."
)
DATA = "results.json"
HEAD = "| | database | figure | aim | | runs | beside it |\n|---|---|---|---|---|---|---|\n"


def lines(result: Result) -> Iterator[str]:
    """A row's figures for a terminal."""
    database = result.measured["database"]
    if result.fault:
        yield f"{result.row:9} {database:10}  NOT MEASURED: {result.fault}"
    for figure in result.figures:
        aim = f"aim {figure.aim_words()}: {figure.verdict}" if figure.aim is not None else ""
        yield f"{result.row:9} {figure.database:10}  {figure.what}: {figure.words()}  {aim}  [{figure.beside}]"


def write(folder: Path, results: Sequence[Result], machine: dict[str, Any], *, quick: bool) -> None:
    """``benchmarks.md`` and its plots in `folder`; rows that were not measured now are kept as they were measured last."""
    plots = folder / "benchmarks"
    plots.mkdir(parents=True, exist_ok=True)
    kept = _merged(plots / DATA, results)
    data: dict[str, Any] = {"machine": _newest(plots / DATA, machine), "results": [item.as_json() for item in kept]}
    (plots / DATA).write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    drawn = plot.draw(plots, kept)
    text = "".join(_page(kept, data["machine"], drawn, quick=quick))
    (folder / "benchmarks.md").write_text(text, encoding="utf-8")


def _merged(file: Path, results: Sequence[Result]) -> list[Result]:
    now = {(item.row, item.measured["database"]): item for item in results}
    if file.exists():
        before = [Result.from_json(item) for item in json.loads(file.read_text(encoding="utf-8"))["results"]]
        now = {(item.row, item.measured["database"]): item for item in before} | now
    order = list(TITLES)
    return [now[key] for key in sorted(now, key=lambda key: (order.index(key[0]), key[1] != "sqlite"))]


def _newest(file: Path, machine: dict[str, Any]) -> dict[str, Any]:
    """The machine; a database that this run did not touch keeps its version."""
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))["machine"]
        machine = {name: value or before.get(name, "") for name, value in machine.items()}
    return machine


def _page(results: Sequence[Result], machine: dict[str, Any], drawn: dict[str, str], *, quick: bool) -> Iterator[str]:
    yield "# Benchmarks\n\n"
    yield f"{INTRODUCTION}\n\n"
    if quick:
        yield "**A quick run: small sizes, to see that the harness works. No aim is judged.**\n\n"
    yield _machine(machine)
    for row, title in TITLES.items():
        own = [item for item in results if item.row == row]
        if own:
            yield from _section(row, title, own, drawn.get(row))


def _machine(machine: dict[str, Any]) -> str:
    durable = f"{machine['fdatasync_ms_p50']} ms (p99 {machine['fdatasync_ms_p99']} ms)"
    postgres = machine["postgresql"] or "–"
    return (
        f"Machine: {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; Python {machine['python']}, "
        f"SQLite {machine['sqlite']}, PostgreSQL {postgres} (fsync on); the disk keeps a block in {durable}.\n\n"
    )


def _section(row: str, title: str, results: Sequence[Result], plot_file: str | None) -> Iterator[str]:
    yield f"## {title}\n\n{NOTES[row]}\n\n"
    figures = [figure for result in results for figure in result.figures]
    if figures:
        yield HEAD
    for figure in figures:
        verdict = f"**{figure.verdict}**" if figure.met is False else figure.verdict
        yield (
            f"| {figure.what} | {figure.database} | {figure.words()} | {figure.aim_words()} | {verdict} "
            f"| {figure.runs} | {figure.beside} |\n"
        )
    for result in results:
        if result.fault:
            yield f"\nNOT MEASURED on {result.measured['database']}: {result.fault}\n"
    yield "\n"
    if plot_file is not None:
        yield f"![{title}](benchmarks/{plot_file})\n\n"
    yield "".join(map(_measured, results)) + "\n"


def _measured(result: Result) -> str:
    told = result.measured
    return (
        f"{told['database']}: {told['at']}, commit {told['commit']}, {told['seconds']} s, "
        f"load {told['load_before']} before and {told['load_after']} after.\n"
    )
