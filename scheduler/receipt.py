"""The receipt: what `crisis` prints and keeps, read in plain SQL from the ledger, as data and as words for people."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from config import clock
from scheduler import killswitch
from scheduler.killswitch import COVERS, REACHES, rows
from store.chain import Cursor

EXCERPT = 60
SHOWN = 20
"""Most released channels that are named to people; the data has them all."""
ATTEMPT_COLUMNS = (
    "a.id, a.post_id, a.channel, a.state, a.outcome, a.link, COALESCE(a.sending_at, a.claimed_at), a.worker, "
    "w.host, w.pid, p.text, a.detail"
)


@dataclass(frozen=True)
class Call:
    """A publish call that had begun: `state` is the attempt's now; `result` says it in the receipt's words."""

    attempt: int
    post: int
    channel: str
    state: str
    result: str
    link: str | None
    since: str
    worker: str
    host: str | None
    pid: int | None
    text: str
    detail: str | None


@dataclass(frozen=True)
class Receipt:
    """One suspension as it stands now."""

    suspension: int
    kind: str
    scope: str
    by: str
    reason: str
    suspended_at: str
    epoch: int
    quiet_confirmed: bool
    quiet_at: str | None
    complete: bool
    covered: int
    held: int
    in_flight: list[Call]
    unconfirmed: list[Call]
    published_recently: list[dict[str, Any]]
    channels: list[dict[str, Any]]
    notices: dict[str, list[str]] = field(default_factory=dict)
    """People by what became of their notices: told, waiting, failed; and who has acknowledged."""
    released: list[dict[str, Any]] = field(default_factory=list)
    """The channels that a person resumed ahead of the rest; they are not among `channels`."""
    ended: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The receipt as JSON-ready data."""
        return asdict(self)


def build(cursor: Cursor, dialect: str, number: int, recall_s: float) -> Receipt:
    """The receipt of suspension `number`; the caller's transaction gives one consistent view.

    Raises SwitchError when the store does not know it any more.
    """
    columns = "kind, scope_kind, scope_value, by, reason, starts_at, epoch, quiet_at"
    found = rows(cursor, dialect, f"SELECT {columns} FROM suspension WHERE id = ?", (number,))
    if not found:
        raise killswitch.SwitchError(
            f"the store was replaced meanwhile and does not know suspension {number}: run `standfast crisis` again"
        )
    kind, scope_kind, scope_value, by, reason, at, epoch, quiet_at = found[0]
    open_now = _calls(cursor, dialect, killswitch.unconfirmed(cursor, dialect, number))
    channels = _channels(cursor, dialect, number, open_now)
    return Receipt(
        suspension=number,
        kind=kind,
        scope=str(killswitch.Scope(scope_kind, scope_value)),
        by=by,
        reason=reason,
        suspended_at=clock.to_text(at),
        epoch=epoch,
        quiet_confirmed=not open_now,
        quiet_at=clock.to_text(quiet_at) if quiet_at else None,
        complete=not open_now and not any(item["look"] for item in channels),
        covered=sum(item["covered"] for item in channels),
        held=sum(item["held"] for item in channels),
        in_flight=_calls(cursor, dialect, _listed(cursor, dialect, number)),
        unconfirmed=open_now,
        published_recently=_recently(cursor, dialect, number, at - int(recall_s * clock.SECOND)),
        channels=channels,
        notices=notices(cursor, dialect, number),
        released=[
            {"channel": channel, "by": who, "at": clock.to_text(when)}
            for channel, who, when in killswitch.released(cursor, dialect, number)
        ],
    )


def _listed(cursor: Cursor, dialect: str, number: int) -> list[int]:
    query = "SELECT attempt_id FROM suspension_inflight WHERE suspension_id = ? ORDER BY attempt_id"
    return [int(row[0]) for row in rows(cursor, dialect, query, (number,))]


def _calls(cursor: Cursor, dialect: str, attempts: list[int]) -> list[Call]:
    query = (
        f"SELECT {ATTEMPT_COLUMNS} FROM attempt a LEFT JOIN worker w ON w.id = a.worker "
        "LEFT JOIN post p ON p.id = a.post_id WHERE a.id = ?"
    )
    found = [row for attempt in attempts for row in rows(cursor, dialect, query, (attempt,))]
    return [_call(row) for row in found]


RESULTS: Mapping[str, str] = {
    "claimed": "about to ask for leave",
    "sending": "under way",
    "published": "published",
    "rejected": "not published (refused by the platform)",
    "not_sent": "not published (not sent)",
    "aborted": "not published (stopped before the send)",
    "unknown": "unknown",
    "closed_by_person": "closed by a person",
}


def _call(row: Any) -> Call:
    attempt, post, channel, state, _outcome, link, since, worker, host, pid, text, detail = row
    return Call(
        attempt=int(attempt),
        post=int(post),
        channel=channel,
        state=state,
        result=RESULTS[state],
        link=link,
        since=clock.to_text(since),
        worker=str(worker)[:8],
        host=host,
        pid=pid,
        text=excerpt(text or ""),
        detail=detail,
    )


def excerpt(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def covered_channels(cursor: Cursor, dialect: str, number: int) -> list[tuple[str, str]]:
    """(name, platform) of the channels that suspension `number` covers now: one that was resumed is not swept again."""
    covers = COVERS.format(channel="c.name")
    query = (
        "SELECT c.name, c.platform FROM channel c WHERE EXISTS "
        f"(SELECT 1 FROM suspension s WHERE s.id = ? AND {covers}) ORDER BY c.name"
    )
    return [(row[0], row[1]) for row in rows(cursor, dialect, query, (number,))]


def _channels(cursor: Cursor, dialect: str, number: int, open_now: list[Call]) -> list[dict[str, Any]]:
    counts = "SELECT channel, state, count(*) FROM post WHERE state IN ('scheduled', 'held') GROUP BY channel, state"
    found = {(row[0], row[1]): int(row[2]) for row in rows(cursor, dialect, counts)}
    planners, looked = own_planners(), _looked(cursor, dialect, number)
    tokens = _tokens(cursor, dialect, number)
    return [
        {
            "channel": name,
            "platform": platform,
            "covered": found.get((name, "scheduled"), 0),
            "held": found.get((name, "held"), 0),
            "unconfirmed": sum(call.channel == name for call in open_now),
            **_own_scheduler(planners.get(platform, ""), looked.get(name)),
            "token": tokens.get(name),
        }
        for name, platform in covered_channels(cursor, dialect, number)
    ]


def _own_scheduler(planner: str | None, looked: str | None) -> dict[str, Any]:
    """What is known of a channel's own scheduler: in words, where a person looks, and whether somebody still must."""
    if planner is None:
        return {"own_scheduler": "none", "planner": None, "look": False}
    done = looked is not None and looked.startswith(DONE)
    return {"own_scheduler": looked or "look by hand", "planner": planner or None, "look": not done}


DONE = ("empty", "ticked")
"""How the words about a platform's own scheduler begin when nothing lies there any more."""


def _looked(cursor: Cursor, dialect: str, number: int) -> dict[str, str]:
    """By channel: what the newest sweep or a person's tick says of its own scheduler."""
    query = "SELECT at, channel, found, gone, trouble FROM sweep WHERE suspension_id = ? ORDER BY id"
    found = {
        str(channel): (int(at), str(trouble) if trouble is not None else f"empty ({gone} of {seen} taken out)")
        for at, channel, seen, gone, trouble in rows(cursor, dialect, query, (number,))
    }
    ticks = rows(cursor, dialect, "SELECT item, by, at FROM tick WHERE suspension_id = ?", (number,))
    for channel, by, at in ((item.removeprefix(PLANNER), by, at) for item, by, at in ticks if item.startswith(PLANNER)):
        told = (int(at), f"ticked by {by} at {clock.to_text(at)}")
        # A sweep that saw posts there after somebody had looked knows more.
        found[channel] = max(found.get(channel, told), told)
    return {channel: words for channel, (_at, words) in found.items()}


LINGERS_US = 2 * 3600 * clock.SECOND
"""How long a platform may go on taking a token that it has revoked."""


def _tokens(cursor: Cursor, dialect: str, number: int) -> dict[str, str]:
    """By channel whose account was cut off: what is known of its token."""
    query = "SELECT channel, revoked_at, trouble FROM cut WHERE suspension_id = ? ORDER BY id"
    return {
        str(channel): f"revoked at {clock.to_text(at)}; not trusted to be dead before {clock.to_text(at + LINGERS_US)}"
        if at is not None
        else f"still good: {trouble or 'only its evidence was kept'}"
        for channel, at, trouble in rows(cursor, dialect, query, (number,))
    }


PLANNER = "planner:"
"""How the checklist item begins that says of a channel that somebody looked at its platform's own scheduler."""


def own_planners() -> dict[str, str | None]:
    """Platform → where a person looks for what was scheduled there, past this store (the city's data); None: it has no such."""
    from importlib import resources  # after the word SUSPENDED: it brings archives with it

    text = (resources.files("config") / "data" / "platforms.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)["platform"]
    return {name: data.get("planner", "") if data["own_scheduler"] else None for name, data in tables.items()}


_TOLD = """SELECT d.person, COUNT(CASE WHEN d.state = 'delivered' THEN 1 END),
  COUNT(CASE WHEN d.state IN ('waiting', 'sending') THEN 1 END) FROM delivery d JOIN notice n ON n.id = d.notice_id
  WHERE n.suspension_id = ? AND n.kind NOT IN ('lifted', 'break-glass') GROUP BY d.person ORDER BY d.person"""


def notices(cursor: Cursor, dialect: str, number: int) -> dict[str, list[str]]:
    """People by what became of their notices of suspension `number`: told at one address at least, still waiting for a
    first one, failed at all; and who has acknowledged, in that order."""
    found: dict[str, list[str]] = {"told": [], "waiting": [], "failed": [], "acknowledged": []}
    for person, delivered, waiting in rows(cursor, dialect, _TOLD, (number,)):
        found["told" if delivered else "waiting" if waiting else "failed"].append(person)
    known = "SELECT person FROM acknowledgement WHERE suspension_id = ? ORDER BY at, person"
    found["acknowledged"] = [row[0] for row in rows(cursor, dialect, known, (number,))]
    return found


_BY_THE_LANE = (
    "EXISTS (SELECT 1 FROM attempt e WHERE e.post_id = p.id AND e.state = 'published' AND e.override_id IS NOT NULL)"
)
"""Whether post ``p`` went out as an emergency message: nobody shall take the city's warning down for a cheerful post."""


def open_calls(cursor: Cursor, dialect: str, number: int, channel: str) -> int:
    """How many calls on `channel` that suspension `number` waits for: each may still leave something on the platform."""
    waiting = _calls(cursor, dialect, killswitch.unconfirmed(cursor, dialect, number))
    return sum(call.channel == channel for call in waiting)


def _recently(cursor: Cursor, dialect: str, number: int, since_us: int) -> list[dict[str, Any]]:
    """The recall list: `REACHES`, since what went out before the stop stays on it when its channel is resumed, but not what a
    resumed channel sent after that."""
    covers = REACHES.format(channel="p.channel")
    query = (
        f"SELECT p.id, p.channel, p.published_at, p.link, p.text, {_BY_THE_LANE} FROM post p WHERE p.published_at >= ? "
        f"AND p.state = 'published' AND EXISTS (SELECT 1 FROM suspension s WHERE s.id = ? AND {covers}) "
        "AND NOT EXISTS (SELECT 1 FROM suspension_release r WHERE r.suspension_id = ? AND r.channel = p.channel "
        "AND p.published_at >= r.at) ORDER BY p.published_at DESC"
    )
    return [
        {"post": int(post), "channel": channel, "at": clock.to_text(at), "link": link, "text": excerpt(text)}
        | {"emergency": bool(by_the_lane)}
        for post, channel, at, link, text, by_the_lane in rows(cursor, dialect, query, (since_us, number, number))
    ]


def words(receipt: Receipt) -> str:
    """The receipt for people: the state first, then everything by name."""
    lines = [_headline(receipt)]
    lines.append(
        f"  covered     {receipt.covered} scheduled posts wait behind the gate; {receipt.held} are held for a person"
    )
    lines += _released(receipt)
    lines += _call_lines(receipt)
    lines.append(f"  recently published, perhaps to be taken down by hand: {len(receipt.published_recently)}")
    lines += [
        f"    {item['at']}  {item['channel']}  {item['link'] or '-'}  {'EMERGENCY  ' * item['emergency']}{item['text']}"
        for item in receipt.published_recently
    ]
    lines += _notice_lines(receipt)
    lines += [f"  next        {step}" for step in _next_steps(receipt)]
    by_hand = [item for item in receipt.channels if item["look"]]
    if by_hand:
        lines.append("  not complete: what people scheduled on the platforms themselves may still go out")
    lines += [f"    {item['channel']}  {item['own_scheduler']}  {item['planner'] or ''}".rstrip() for item in by_hand]
    lines += [f"  token       {item['channel']}  {item['token']}" for item in receipt.channels if item["token"]]
    lines += [f"  ended       {line}" for line in receipt.ended] + [
        f"  warning     {line}" for line in receipt.warnings
    ]
    return "\n".join(lines)


def _released(receipt: Receipt) -> list[str]:
    """What was resumed of it, and that the rest stands."""
    if not receipt.released:
        return []
    named = [f"{item['channel']} (by {item['by']} at {item['at']})" for item in receipt.released[:SHOWN]]
    more = [f"and {len(receipt.released) - SHOWN} more"] if len(receipt.released) > SHOWN else []
    stands = (
        "" if receipt.channels else "; no channel is left under it, but it stands for those to come until it is lifted"
    )
    return [f"  released    {', '.join([*named, *more])}{stands}"]


def _headline(receipt: Receipt) -> str:
    what = "everything" if receipt.scope == killswitch.ALL else receipt.scope
    kind = "" if receipt.kind == "crisis" else f" ({receipt.kind})"
    told = f"suspension {receipt.suspension}{kind} of {what}, epoch {receipt.epoch}, by {receipt.by} at {receipt.suspended_at}"
    if receipt.reason:
        told += f": {receipt.reason}"
    if receipt.quiet_confirmed:
        return f"QUIET CONFIRMED  {told}"
    calls = f"{len(receipt.unconfirmed)} call(s) that began before the stop may be out, or still go out"
    return f"SUSPENDED, NOT CONFIRMED  {told}\n  {calls}"


def _notice_lines(receipt: Receipt) -> list[str]:
    """Who is told; nothing before anybody was to be."""
    found = receipt.notices
    parts = [
        f"{word}: {', '.join(found[name])}"
        for name, word in (("told", "told"), ("waiting", "still waiting"), ("failed", "NOT TOLD"))
        if found.get(name)
    ]
    known = found.get("acknowledged", [])
    parts += [f"acknowledged by {', '.join(known) or 'nobody yet'}"] if parts or known else []
    return [f"  notices     {'; '.join(parts)}"] if parts else []


def _next_steps(receipt: Receipt) -> list[str]:
    """What a person can do about calls whose end is not known."""
    if not receipt.unconfirmed:
        return []
    posts = " ".join(str(number) for number in sorted({call.post for call in receipt.unconfirmed}))
    return [
        "`standfast crisis status --wait` waits for their end",
        f"what stays unknown (post {posts}): look on the platform, then `standfast post close POST --published URL` or "
        "`--not-published`",
    ]


def _call_lines(receipt: Receipt) -> list[str]:
    listed = {call.attempt for call in receipt.in_flight}
    doubted = [call for call in receipt.unconfirmed if call.attempt not in listed]
    lines = [f"  in flight   {len(listed)} call(s) had begun when the stop was recorded"]
    lines += [line for call in receipt.in_flight for line in _of_call(call)]
    if doubted:
        lines.append(f"  in doubt    {len(doubted)} more whose end is not known")
    return lines + [line for call in doubted for line in _of_call(call)]


def _of_call(call: Call) -> list[str]:
    where = f"worker {call.worker} (process {call.pid} on {call.host})" if call.host else f"worker {call.worker}"
    result = call.result + (f" {call.link}" if call.link else "")
    about = f"attempt {call.attempt}  post {call.post}  {call.channel}  {result}  since {call.since}  {where}"
    return [f"    {about}", f"      “{call.text}”"]
