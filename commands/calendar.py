"""``standfast calendar``: look over calendar files, apply them, and see what was applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import calendar_findings
from commands.context import Context, Json, UserError, clean_text, emit, fail, guarded, say, table

if TYPE_CHECKING:
    from sqlmodel import Session

    from calendars.entry import Fault
    from scheduler.planning.calendar_check import City
    from scheduler.planning.calendar_plan import Change, Plan
    from scheduler.planning.calendar_sync import Outcome
    from scheduler.planning.entry_checks import Concern

app = typer.Typer(no_args_is_help=True, help="Calendar files: look them over, apply them, list them.")

Files = Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="Files or folders (default: all).")]
MOST_LINES = 40
"""Of a difference, on a terminal; --json has all of them."""


@app.command("check")
def check(files: Files = None, json: Json = False) -> None:
    """Name every mistake in calendar files, with its line. Changes nothing and needs no store; uses one when it is there."""
    with guarded() as context:
        from scheduler.planning import calendar_check

        paths = _paths(context, files)
        with _city(context) as (city, session):
            looked = [(path, *calendar_check.look(path, context.settings, city, session)) for path in paths]
        said = calendar_findings.of_entries(context, looked)
        if city.platforms is not None:
            calendar_findings.refuse(context, looked, said)
        faults = [fault for _, _, found in looked for fault in found]
        if json:
            whole = [_checked(path, calendar, found, said[path]) for path, calendar, found in looked]
            emit({"ok": not faults, "files": whole})
        else:
            _print_checked(looked, said)
        if faults:
            raise typer.Exit(1)


@contextmanager
def _city(context: Context) -> Iterator[tuple[City, Session | None]]:
    """The city and a session when the store answers; neither, and a word about it, when it does not."""
    from scheduler.planning import calendar_check
    from store.engine import StoreError, reading

    city = calendar_check.City(None)
    if _has_store(context):
        try:
            with reading(context.engine) as session:
                city = calendar_check.city_of(session)
        except StoreError as error:
            say(f"channels, lengths and rights are not checked: {error}")
    if city.platforms is None:
        yield city, None
        return
    with reading(context.engine) as session:
        yield city, session


def _has_store(context: Context) -> bool:
    """False when there is none yet: opening one would make an empty file."""
    url = context.essential.database_url
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).is_file()


def _checked(path: Path, calendar: Any, faults: Sequence[Fault], said: Sequence[Concern]) -> dict[str, Any]:
    entries = None if calendar is None else len(calendar.entries)
    found = [concern.as_data() for concern in said]
    return {"file": str(path), "entries": entries, "faults": [vars(fault) for fault in faults], "findings": found}


def _print_checked(looked: Sequence[tuple[Path, Any, Sequence[Fault]]], said: dict[Path, list[Concern]]) -> None:
    _print_faults(fault for _, _, found in looked for fault in found)
    for path, concerns in said.items():
        _print_faults(concern.fault(path) for concern in concerns if not concern.blocks)
    for path, calendar, found in looked:
        if not found:
            _line(f"{path}: {_count(len(calendar.entries), 'entry', 'entries')}, no mistakes")


@app.command("sync")
def sync(
    files: Files = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, apply nothing.")] = False,
    skip_past: Annotated[
        bool, typer.Option("--skip-past", help="Leave out new entries whose time has passed.")
    ] = False,
    remove: Annotated[
        str | None, typer.Option("--remove", metavar="FILE", help="Cancel the waiting posts of a file that is gone.")
    ] = None,
    json: Json = False,
) -> None:
    """Apply calendar files as a difference. All are looked over first: with a single mistake, none is applied."""
    with guarded() as context:
        from scheduler import liveness

        assert context.actor  # who it is comes before what they want
        with liveness.registered(context.essential.workers_dir, "calendar sync"):
            if remove is not None:
                _remove(context, clean_text(remove, "the file"), files, dry_run, json)
            else:
                _sync(context, _paths(context, files), dry_run, skip_past, json)


def _sync(context: Context, paths: Sequence[Path], dry_run: bool, skip_past: bool, json: bool) -> None:
    from scheduler import restore
    from scheduler.planning import calendar_sync
    from store.engine import reading

    with reading(context.engine) as session:
        restore.refuse_older_copy(session, context.essential)
    checked = [calendar_sync.check(context.engine, path, context.settings, skip_past=skip_past) for path in paths]
    _require_rights(context, checked)
    outcomes, faulty = checked, any(outcome.faults for outcome in checked)
    if not dry_run and not faulty:
        outcomes = [
            calendar_sync.sync(
                context.engine,
                outcome.path,
                context.settings,
                actor=context.actor.person,
                skip_past=skip_past,
                first=outcome,
            )
            for outcome in checked
        ]
        faulty = any(outcome.faults for outcome in outcomes)
    _report(context, outcomes, dry_run, json)
    if faulty:
        raise typer.Exit(1)


def _require_rights(context: Context, outcomes: Sequence[Outcome]) -> None:
    """The actor and every owner must be able to queue on all channels of the file; refusals are logged."""
    from governance import access

    for outcome in outcomes:
        if outcome.plan is None:
            continue
        name, owner = f"calendar {outcome.path.name}", outcome.plan.calendar.owner
        for channel in sorted(outcome.plan.channels | {post.channel for post in outcome.plan.cancel}):
            context.require("queue", channel, action="sync", subject=name)
        for channel, rule in sorted({(c, item.finding.rule) for item in outcome.plan.let_pass for c in item.channels}):
            context.require("override", channel, action="sync", subject=f"{name} past the check {rule}")
        refused = [("queue", channel, name, why) for channel, why in outcome.plan.refused.items()]
        refused += [
            ("override", channel, f"{name} past the check {rule}", why)
            for (channel, rule), why in outcome.plan.not_let_pass.items()
        ]
        for permission, channel, what, why in refused:
            told = access.Refused(why, actor=owner, permission=permission, channel=channel, action="sync", subject=what)
            access.log(context.engine, told)


def _report(context: Context, outcomes: Sequence[Outcome], dry_run: bool, json: bool) -> None:
    suspended, faulty = _suspended(context, outcomes), any(outcome.faults for outcome in outcomes)
    if json:
        found = [_described(outcome) for outcome in outcomes]
        emit({"dry_run": dry_run, "suspended": suspended, "files": found})
    else:
        _print_faults(fault for outcome in outcomes for fault in outcome.faults)
        for outcome in outcomes:
            if outcome.applied or not faulty:
                _print_difference(outcome, dry_run)
    if faulty and not any(outcome.applied for outcome in outcomes):
        say("nothing was applied: mend the mistakes above and sync again")
    if suspended:
        from scheduler import killswitch

        say(killswitch.BANNER)


def _suspended(context: Context, outcomes: Sequence[Outcome]) -> bool | None:
    """True when a channel of these files is behind a closed gate; None when the store does not say (what was done is done)."""
    from store.engine import StoreError

    try:
        return _look_at_gate(context, outcomes)
    except StoreError as error:
        say(f"warning: whether publishing is suspended cannot be seen: {error}")
        return None


def _look_at_gate(context: Context, outcomes: Sequence[Outcome]) -> bool:
    from scheduler import killswitch, post_queue
    from store.engine import reading

    plans = [outcome.plan for outcome in outcomes if outcome.plan is not None]
    channels = {channel for plan in plans for channel in plan.channels}
    with reading(context.engine) as session:
        try:
            return any(post_queue.closed_by(session, channel) for channel in sorted(channels))
        except killswitch.GateClosed:
            return True


def _described(outcome: Outcome) -> dict[str, Any]:
    faults = [vars(fault) for fault in outcome.faults]
    plan = outcome.plan
    if plan is None:
        return {"file": str(outcome.path), "applied": False, "faults": faults}
    return {
        "file": str(outcome.path),
        "owner": plan.calendar.owner,
        "applied": outcome.applied,
        "counts": plan.counts(),
        "difference": [
            dict(zip(("what", "at", "zone", "channel", "entry", "post"), row, strict=True)) for row in _rows(plan)
        ],
        "notes": plan.notes,
        "let_pass": [concern.as_data() for concern in plan.let_pass],
        "faults": faults,
    }


def _rows(plan: Plan) -> list[tuple[str, str, str, str, str, int | None]]:
    """What is added, changed and cancelled, in this order."""
    add = [("add", m.local, m.zone, a.channel, a.entry.id, None) for a in plan.add for m in a.moments]
    change = [("change", *_when(c), c.post.channel, c.post.entry, c.post.id) for c in plan.change]
    cancel = [("cancel", p.local_time, p.columns["zone"], p.channel, p.entry, p.id) for p in plan.cancel]
    return [*add, *change, *cancel]


def _when(change: Change) -> tuple[str, str]:
    """The local time and zone of a post after the change."""
    now = {**change.post.columns, "local_time": change.post.local_time, **change.values}
    return now["local_time"], now["zone"]


def _print_difference(outcome: Outcome, dry_run: bool) -> None:
    plan = outcome.plan
    if plan is None or outcome.faults:
        return
    rows = _rows(plan)
    signs = {"add": "+", "change": "~", "cancel": "-"}
    for what, local, zone, channel, entry, post in rows[:MOST_LINES]:
        number = "" if post is None else f"  (post {post})"
        _line(f"  {signs[what]} {local.replace('T', ' ')} {zone}  {channel}  {entry}{number}")
    if len(rows) > MOST_LINES:
        _line(f"  … and {len(rows) - MOST_LINES} more (--json lists them all)")
    for note in [*plan.notes, *(str(concern.fault(outcome.path)) for concern in plan.let_pass)]:
        say(f"note: {note}")
    counts = plan.counts()
    words = f"{counts['add']} added, {counts['change']} changed, {counts['cancel']} cancelled"
    would = "would be: " if dry_run else ""
    _line(f"{outcome.path.name}: {would}{words}; {_count(counts['keep'], 'entry', 'entries')} unchanged")


def _remove(context: Context, file: str, files: Sequence[str] | None, dry_run: bool, json: bool) -> None:
    """Cancel what waits of a file that is gone."""
    from scheduler.planning import calendar_sync
    from store.engine import reading

    if files:
        raise UserError("--remove takes no further files: sync those in a call of its own")
    name = Path(file).name
    _refuse_removal(context, name)
    with reading(context.engine) as session:
        waiting = calendar_sync.waiting(session, name)
    for channel in waiting:
        context.require("queue", channel, action="remove", subject=f"calendar {name}")
    count = sum(waiting.values()) if dry_run else calendar_sync.remove(context.engine, name, context.actor.person)
    if json:
        emit({"file": name, "dry_run": dry_run, "cancelled": count})
        return
    _line(f"{name}: {_count(count, 'post', 'posts')} {'would be cancelled' if dry_run else 'cancelled'}")


def _refuse_removal(context: Context, name: str) -> None:
    """Raise UserError when the file is there (the daemon would apply it again) or was never applied."""
    from sqlmodel import select

    from store.engine import reading
    from store.tables import CalendarFile

    path = context.settings.calendars_dir / name
    if path.exists():
        raise UserError(f"{path} is still there and would be applied again: move it away first")
    with reading(context.engine) as session:
        known = sorted(session.exec(select(CalendarFile.name)))
    if name not in known:
        raise UserError(f"no calendar {name!r} was applied (known: {', '.join(known[:10]) or 'none'})")


@app.command("list")
def list_(json: Json = False) -> None:
    """The calendars that were applied, or could not be: owner, last time, posts that wait, and the fault."""
    with guarded() as context:
        from store.engine import reading

        with reading(context.engine) as session:
            found = _listed(session)
        if json:
            emit(found)
            return
        heads = ("file", "owner", "last applied", "entries", "waiting", "held", "published", "fault")
        table(heads, [[_cell(row, head) for head in heads] for row in found])


def _listed(session: Session) -> list[dict[str, Any]]:
    from sqlmodel import func, select

    from config import clock
    from scheduler import post_queue
    from store.tables import CalendarEntry, CalendarFile, Post

    entries = dict(session.exec(select(CalendarEntry.file, func.count()).group_by(CalendarEntry.file)).all())
    posts: dict[str, dict[str, int]] = {}
    found = select(Post.file, Post.state, func.count()).where(~post_queue.is_staged()).group_by(Post.file, Post.state)
    for file, state, count in session.exec(found):
        posts.setdefault(str(file), {})[state] = count
    return [
        {
            "file": row.name,
            "owner": row.owner,
            "last applied": None if row.synced_at is None else clock.to_text(row.synced_at),
            "entries": entries.get(row.name, 0),
            "posts": posts.get(row.name, {}),
            "fault": row.fault,
        }
        for row in session.exec(select(CalendarFile).order_by(CalendarFile.name))
    ]


def _cell(row: dict[str, Any], head: str) -> object:
    states = {"waiting": "scheduled", "held": "held", "published": "published"}
    if head in states:
        return row["posts"].get(states[head], 0)
    if head == "fault":
        return next(iter((row["fault"] or "").splitlines()), None)
    return row[head]


def _paths(context: Context, files: Sequence[str] | None) -> list[Path]:
    """The calendar files meant: those given, those of a folder given, else those of the calendars folder."""
    from calendars import reader

    found: dict[Path, None] = {}
    for place in [Path(clean_text(name, "the file")) for name in files or ()] or [context.settings.calendars_dir]:
        inside = reader.files(place) if place.is_dir() else [place]
        found |= dict.fromkeys(inside)
        if not inside:
            fail(f"{place} holds no calendar file: put one there, or name another folder")
    return list(found)


def _print_faults(faults: Iterable[Fault]) -> None:
    for fault in faults:
        _line(str(fault))


def _line(text: str) -> None:
    """One line on stdout."""
    table((text,), ())


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
