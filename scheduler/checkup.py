"""What `standfast doctor` looks at: each check is one function that says ok, warns, or names a fault with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import col, func, select

from config import clock, failpoint
from config.essentials import Essentials
from config.settings import Settings
from connectors import registry
from connectors.errors import ConnectorError
from governance import access, site_terms, tiers
from governance import channels as authorizations
from scheduler import host_lock, killswitch, liveness, post_queue, restore, resumption, stop_cell, stop_ledger
from store import migration
from store.crisis_tables import BreakGlassCode
from store.engine import StoreError, cursor, dialect, reading
from store.governance_tables import Approval
from store.tables import Alarm, Attempt, CalendarFile, Channel, Gate, Person, Post
from store.tables import Worker as WorkerRow

OK, WARN, BAD = "ok", "warning", "fault"
LEAST_FREE = 64 * 1024 * 1024
"""Bytes of free disk below which the store may soon fail to write."""
SOON_DAYS = 7
SILENT_S = 30.0
"""A daemon without a heartbeat for this long is hung or gone."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: `level` is ok, warning or fault; `text` says what and, unless ok, the remedy."""

    check: str
    level: str
    text: str


@dataclass(frozen=True)
class Patient:
    """What is looked at."""

    settings: Settings
    essential: Essentials
    engine: Engine
    environ: Mapping[str, str]


Found = Iterator[tuple[str, str]]


Check = Callable[[Patient], Found]
"""Yields (level, text) pairs."""


def examine(patient: Patient, further: Mapping[str, Check] | None = None) -> list[Finding]:
    """All findings; a check that fails itself is a fault of its own and hides no other.

    `further`: checks of the rooms above, which this one does not know.
    """
    found: list[Finding] = []
    for name, check in {**CHECKS, **(further or {})}.items():
        try:
            found += [Finding(name, level, text) for level, text in check(patient)]
        except (StoreError, OSError, ConnectorError) as error:
            found.append(Finding(name, BAD, str(error)))
    return found


def _settings(patient: Patient) -> Found:
    where = patient.settings.root / "standfast.toml"
    yield OK, f"{where}, time zone {patient.settings.timezone}"
    if clock.is_rehearsal():
        yield WARN, f"{clock.REHEARSAL_VARIABLE} is set: time is a rehearsal's, no real platform is reached; unset it"
    if failpoint.is_on():
        yield WARN, f"{failpoint.VARIABLE} is set: processes fall at will, no real platform is reached; unset it"


def _store(patient: Patient) -> Found:
    migration.check(patient.engine)
    yield OK, patient.engine.url.render_as_string(hide_password=True)
    if patient.engine.dialect.name == "sqlite":
        file = Path(patient.essential.database_url.removeprefix("sqlite:///"))
        kind = host_lock.file_system(file)
        if kind in host_lock.NETWORK_FILE_SYSTEMS:
            yield BAD, f"{file} lies on a network file system ({kind}): put it on a local disk, or use PostgreSQL"


def _disk(patient: Patient) -> Found:
    free = shutil.disk_usage(patient.essential.data_dir).free
    if free < LEAST_FREE:
        yield BAD, f"{patient.essential.data_dir} has {free // 2**20} MiB left: free some space"
    else:
        yield OK, f"{free // 2**20} MiB free at {patient.essential.data_dir}"


def _files(patient: Patient) -> Found:
    """Who else of this machine may read or write what only the service account should."""
    data, env, folder = patient.essential.data_dir, patient.settings.root / ".env", patient.settings.calendars_dir
    if _mode(data) & 0o022:
        yield BAD, f"others may write to {data}, and so lift a stop or change the record: chmod 700 it"
    elif _mode(data) & 0o055:
        yield WARN, f"others may look into {data}, where posts wait that are not public yet: chmod 700 it"
    else:
        yield OK, f"{data} is its owner's alone"
    if _mode(env) & 0o077:
        yield WARN, f"others may read {env}, where credentials are: chmod 600 it"
    if _mode(folder) & 0o002:
        yield WARN, f"anybody may write to {folder}, and so queue posts in a calendar owner's name: chmod o-w it"


def _mode(path: Path) -> int:
    """The permission bits of `path`, 0 when it is not there."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0


def _gate(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        if session.get(Gate, 1) is None:
            yield (
                BAD,
                "the gate's row is missing, so everything is suspended: run `standfast crisis`, then `standfast resume`",
            )
            return
        name = dialect(session)
        active = resumption.active(cursor(session), name)
        waiting = stop_ledger.unrecorded(cursor(session), name, patient.essential)
        epoch = killswitch.epoch(cursor(session), name)
    for item in active:
        if not item.has_come:
            yield OK, f"PLANNED: {item.scope}, from {clock.to_text(item.starts_at)} by {item.by}"
            continue
        yield (
            WARN,
            f"SUSPENDED: {item.scope}, since {clock.to_text(item.starts_at or item.at)} by {item.by}: "
            "see `standfast crisis status`",
        )
    if waiting:
        yield (
            WARN,
            "the stop cell holds a stop that the ledger lacks: the daemon records it; `standfast resume` lifts it",
        )
    if not waiting and not any(item.has_come for item in active):
        yield OK, f"open, epoch {epoch}"


def _cell(patient: Patient) -> Found:
    try:
        yield OK, f"{patient.essential.cell_file}, fence {stop_cell.read(patient.essential.cell_file).fence}"
    except stop_cell.CellError as error:
        yield BAD, f"{error}: nothing is sent from this host until `standfast resume` lays it down anew"


def _witness(patient: Patient) -> Found:
    file = restore.file_of(patient.engine, patient.essential)
    _, behind = restore.look(patient.engine, patient.essential, file)
    if behind:
        yield WARN, f"{behind}: if the store was restored, the daemon suspends it at its next start"
    else:
        yield OK, str(file)


def _daemon(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        workers = session.exec(select(WorkerRow).where(col(WorkerRow.ended_at).is_(None))).all()
        session.expunge_all()
    alive = [item for item in workers if not _is_gone(item)]
    if not alive:
        yield WARN, "no daemon is running, so nothing goes out: start `standfast daemon`"
    for item in alive:
        yield _pulse(item)
        yield from _older_settings(patient, item)


def _older_settings(patient: Patient, row: WorkerRow) -> Found:
    """A daemon reads its settings when it starts: until it is restarted it goes on with the old ones, whatever commands say.

    Not so what is asked of people, channels and posts (`scheduler.rules_watch`), and the credentials in ``.env``.
    """
    if row.host != liveness.host() or clock.is_rehearsal():  # another host's file, or a clock that files do not follow
        return
    file = patient.settings.root / "standfast.toml"
    if (changed := _changed_us(file)) > row.started_at:
        said = f"{file} was changed at {clock.to_text(changed)}, after process {row.pid} had started"
        own = "of all but training, channel_authorization and approval it goes on with what stood there before"
        yield WARN, f"{said}: {own}; restart the daemon"


def _changed_us(path: Path) -> int:
    """When `path` was last written, in wall µs; 0 when it cannot be seen."""
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return 0


def _is_gone(row: WorkerRow) -> bool:
    fields = (row.id, row.kind, row.host, row.boot_id, row.pid, row.pid_start, row.lock_file)
    return liveness.is_dead(liveness.Process(*fields))


def _pulse(row: WorkerRow) -> tuple[str, str]:
    silent_s = (clock.wall_us() - row.heartbeat_at) / clock.SECOND / clock.factor()
    if silent_s > SILENT_S:
        return (
            WARN,
            f"process {row.pid} on {row.host} has had no heartbeat for {silent_s:.0f} s: it hangs or is stopped",
        )
    return OK, f"process {row.pid} on {row.host}"


def _alarms(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        waiting = session.exec(select(Alarm).where(col(Alarm.confirmed_at).is_(None))).all()
        session.expunge_all()
    for item in waiting:
        yield BAD, f"{item.detail}: nothing is claimed until `standfast doctor --confirm-clock`"
    if not waiting:
        watched = f"daemons watch for a jump of over {patient.settings.clock_jump:g} s and for a time before the newest record"
        yield OK, f"no alarm is open; {watched}, and publish nothing then until a person confirms the clock"


def _channels(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        channels = session.exec(select(Channel).order_by(Channel.name)).all()
        session.expunge_all()
    if not channels:
        yield WARN, "there is no channel yet: `standfast channel add NAME --platform outbox`"
    for item in channels:
        try:
            account = registry.resolve_account(item.name, item.platform, item.settings, item.secrets, patient.environ)
            registry.open_connector(account).close()
            yield OK, f"{item.name} ({item.platform})"
        except ConnectorError as error:
            yield BAD, error.detail
    if patient.settings.channel_authorization:
        yield from _authorizations(patient, [item.name for item in channels])


def _authorizations(patient: Patient, names: Sequence[str]) -> Found:
    with reading(patient.engine) as session:
        states = {name: authorizations.state(session, name) for name in names}
    for name, state in states.items():
        if state != "authorized":
            yield WARN, f"{name} is not authorized ({state}): its posts are held; `standfast channel authorize {name}`"


def _approvals(patient: Patient) -> Found:
    settings = patient.settings
    try:
        found = tiers.of_settings(settings.root, settings.approvals)
    except tiers.TierError as error:
        yield (BAD if settings.approval == "required" else WARN), str(error).splitlines()[0]
        return
    asked = "required" if settings.approval == "required" else "not asked for"
    yield OK, f"{asked} (tiers: {', '.join(found.tiers)})"
    if settings.approval == "required" and (number := _nobody_approved(patient, found)):
        remedy = "`standfast post submit` hands them in, another person's `standfast post approve` lets them go"
        yield (
            WARN,
            f"{number} scheduled post(s) of the next {SOON_DAYS} days have no approval and are held when due: {remedy}",
        )


def _nobody_approved(patient: Patient, found: tiers.Tiers) -> int:
    """How many posts that are due soon lack any approval where their tier asks for one: they look scheduled like others."""
    said = select(Approval.id).where(Approval.post_id == Post.id, Approval.verdict == "approved")
    until = clock.wall_us() + SOON_DAYS * 86_400 * clock.SECOND
    due = select(Post.channel, Post.tags).where(Post.state == "scheduled", Post.due_at < until)
    with reading(patient.engine) as session:
        rows = session.exec(due.where(~said.where(col(Approval.voided_at).is_(None)).exists())).all()
    return sum(found.of(channel, tags).approvals > 0 for channel, tags in rows)


def _calendars(patient: Patient) -> Found:
    folder = patient.settings.calendars_dir
    if not folder.is_dir():
        yield WARN, f"{folder} does not exist: make it, or mend `calendars`"
    with reading(patient.engine) as session:
        files = session.exec(select(CalendarFile)).all()
        session.expunge_all()
    for item in files:
        if item.fault:
            yield BAD, item.fault.splitlines()[0]
    yield OK, f"{len(files)} applied from {folder}"


def _people(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        left = select(Person.id).where(Person.state == "left")
        orphans = select(Post.author, func.count()).where(col(Post.state) == "draft", col(Post.author).in_(left))
        for person, number in session.exec(orphans.where(~post_queue.is_staged()).group_by(Post.author)):
            yield (
                WARN,
                f"{number} draft(s) of {person}, who has left, wait for somebody: `standfast post list --state draft`",
            )
        for permission in ("suspend", "resume", "people"):
            holders = access.holders(session, permission)
            needed = 2 if permission == "resume" and patient.settings.resume_two_persons else 1
            if len(holders) < needed:
                yield BAD, f"{len(holders)} of {needed} needed people may {permission}: `standfast people grant`"
            else:
                yield OK, f"{permission}: {', '.join(holders)}"
    if not patient.essential.authority_file.exists():
        yield (
            WARN,
            "the local authority file is missing: tokens cannot be checked while the store is away; restart the daemon",
        )


def _break_glass(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        rows = session.exec(select(BreakGlassCode).where(col(BreakGlassCode.revoked_at).is_(None))).all()
        session.expunge_all()
    for row in rows:
        if row.used_at is not None and row.reviewed_at is None:
            used = f"code {row.id} ({row.label}) was used on {clock.to_text(row.used_at)}"
            yield WARN, f"{used}: `standfast people review-code {row.id} --note …`"
    sealed = sum(row.used_at is None for row in rows)
    if sealed:
        yield OK, f"{sealed} sealed code(s)"
    else:
        yield (
            WARN,
            "there is no sealed code for the hour when nobody can sign in: `standfast people seal --label WHERE`",
        )


def _attempts(patient: Patient) -> Found:
    with reading(patient.engine) as session:
        unknown = session.exec(select(Attempt).where(Attempt.state == "unknown")).all()
        session.expunge_all()
    for item in unknown:
        yield WARN, f"post {item.post_id} on {item.channel}: outcome unknown; look there, then `standfast post close`"
    if not unknown:
        yield OK, "every call's outcome is known"


def _site_terms(patient: Patient) -> Found:
    try:
        found = site_terms.of_settings(patient.settings.root, patient.settings.site_terms)
    except site_terms.TermsError as error:
        yield BAD, str(error).splitlines()[0]
        return
    example = "" if patient.settings.site_terms else " of the shipped example; site_terms names the city's own"
    yield OK, f"{len(found)} clauses{example}"


CHECKS: Mapping[str, Check] = {
    "settings": _settings,
    "store": _store,
    "disk": _disk,
    "files": _files,
    "gate": _gate,
    "stop cell": _cell,
    "witness": _witness,
    "clock": _alarms,
    "daemon": _daemon,
    "people": _people,
    "break-glass": _break_glass,
    "channels": _channels,
    "approvals": _approvals,
    "calendars": _calendars,
    "attempts": _attempts,
    "site terms": _site_terms,
}
