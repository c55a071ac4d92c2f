"""What `standfast resume` does and tells people: what lifting would do, and what it did."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from commands import announcing
from config.fault import Fault
from scheduler import exercise
from scheduler.killswitch import Scope, SwitchError

if TYPE_CHECKING:
    from scheduler.exercise import Answers
    from scheduler.resumption import Lifted, Offer, Resumption

SHOWN = 20
"""Most posts, and most channels, of one list that are shown to people; JSON has them all (10,000 of a list)."""


@dataclass(frozen=True)
class Wish:
    """What `standfast resume` was asked: the options as they were typed, without what no terminal can show."""

    reason: str
    scope: str | None = None
    suspension: int | None = None
    only: Sequence[str] = ()
    code: str | None = None


def run(own: Resumption, wish: Wish, post: announcing.Wish) -> tuple[dict[str, Any], Iterator[str]]:
    """(data, lines for people) of one step. Raises Fault; then nothing was lifted."""
    if not wish.reason.strip():
        raise SwitchError("--reason is empty: say why it is clear to resume; NOT LIFTED")
    if wish.code is None:
        if not post.is_empty:
            raise SwitchError(f"{announcing.OPTIONS} go with --confirm: the post is queued after the lift; NOT LIFTED")
        return _ask(own, wish)
    if wish.only or wish.scope:
        raise SwitchError("the code says what it lifts: leave --only and --scope out; NOT LIFTED")
    return _confirm(own, wish, wish.code, post)


def _ask(own: Resumption, wish: Wish) -> tuple[dict[str, Any], Iterator[str]]:
    scope = None if wish.scope is None else Scope.parse(wish.scope)
    only = [Scope.parse(item) for item in wish.only]
    offer = own.ask(wish.reason, scope=scope, suspension=wish.suspension, only=only)
    found, lines = _answers(own, offer)
    silent = {} if found is None else {"silent": found.silent}
    return {"lifted": False, **vars(offer), **silent}, itertools.chain(of_offer(offer), lines)


def _answers(own: Resumption, offer: Offer) -> tuple[Answers | None, list[str]]:
    """Of a drill, who must still answer before it is lifted: who ends it now ends it unpassed. The code holds in any case."""
    from commands import answers

    if offer.kind != exercise.DRILL:
        return None, []
    try:
        found = answers.of_ledger(own.switch, offer.suspension)
    except Fault as fault:
        return None, [exercise.marked(f"  warning     who must answer is not known ({fault})")]
    lines = [answers.NOT_KNOWN] if found is None else found.lines(offer.kind)
    return found, [exercise.marked(line) for line in lines]


def _confirm(own: Resumption, wish: Wish, code: str, post: announcing.Wish) -> tuple[dict[str, Any], Iterator[str]]:
    announcement = None if post.is_empty else announcing.Announcement(post)
    if announcement is not None:
        announcement.check()
    lifted = own.confirm(code, wish.reason, suspension=wish.suspension)
    data, lines = {"lifted": True, **vars(lifted)}, [*of_lifted(lifted)]
    if announcement is not None:
        data["announced"], trouble = announcement.queue()
        lines += [f"  announced   post {number} on {channel}" for channel, number in data["announced"].items()]
        lines += [] if trouble is None else [f"  warning     {trouble}"]
    return data, _and_verdict(lines, lifted.kind)


def _and_verdict(lines: Sequence[str], kind: str) -> Iterator[str]:
    """The lines of a lift that stands, then the verdict of the drill that it ended, which changes nothing about it."""
    yield from lines
    try:
        after_lift(kind)
    except typer.Exit:
        yield exercise.told(
            kind, "  warning     the verdict is not written down yet: `standfast crisis drill --show` does it"
        )


def of_offer(offer: Offer) -> Iterator[str]:
    """Step one: nothing is lifted yet, and this is what lifting would do."""
    return (exercise.told(offer.kind, line) for line in _offer(offer))


def of_lifted(lifted: Lifted) -> Iterator[str]:
    """Step two: what was lifted, and what waits for a person now."""
    return (exercise.told(lifted.kind, line) for line in _lifted(lifted))


def after_lift(kind: str) -> None:
    """A drill that is over gets its verdict."""
    if kind == exercise.DRILL:
        from commands import drill

        drill.after_lift()


def _offer(offer: Offer) -> Iterator[str]:
    whole = f"NOT LIFTED  suspension {offer.suspension} ({offer.scope}) stays until the code is confirmed"
    yield whole if offer.channels is None else f"{whole}; then it is lifted for {_some(offer.channels)} alone"
    if offer.released:
        yield f"  released    {_some(offer.released)} before"
    if offer.unconfirmed:
        yield f"  warning     {offer.unconfirmed} call(s) from before the stop are not confirmed"
    if offer.unknown_count:
        yield f"  unknown     {offer.unknown_count} call(s) under way, or with an outcome that nobody knows"
        yield from _unknown(offer.unknown)
    yield f"  held        {offer.will_be_held_count} post(s) whose time has passed will wait for a person"
    yield from _posts(offer.will_be_held, offer.will_be_held_count, offer.will_be_held_by_channel)
    yield f"  next hour   {offer.next_hour_count} post(s) will go out at their own times"
    yield from _posts(offer.next_hour, offer.next_hour_count, offer.next_hour_by_channel)
    yield from _closed(offer.still_closed)
    if offer.remaining:
        yield f"  STILL SUSPENDED afterwards by suspension {_listed(offer.remaining)}"
    yield f"To lift it before {offer.expires_at}: standfast resume --confirm {offer.code} --reason '…'"


def _lifted(lifted: Lifted) -> Iterator[str]:
    if lifted.channels is None:
        yield f"LIFTED  suspension {lifted.suspension}, epoch {lifted.epoch}"
    else:
        yield f"LIFTED IN PART  suspension {lifted.suspension} for {_some(lifted.channels)}, epoch {lifted.epoch}"
    yield f"  held        {lifted.held} post(s) whose time had passed; {lifted.held_in_all} held in all"
    if lifted.held:
        yield f"  triage      `standfast post release|reschedule|cancel --suspension {lifted.suspension} --dry-run`"
    if lifted.held_in_all:
        yield "  see them with `standfast post list --state held`, then `standfast post release|reschedule|cancel`"
    if lifted.channels is not None:
        yield f"  stands      {_stands(lifted)}"
    yield from _closed(lifted.still_closed)
    if lifted.remaining:
        yield f"  STILL SUSPENDED by suspension {_listed(lifted.remaining)}"
    if lifted.warning:
        yield f"  warning     {lifted.warning}"


def _stands(lifted: Lifted) -> str:
    if lifted.left:
        return (
            f"suspension {lifted.suspension} covers {lifted.left} other channel(s); `standfast resume` lifts the rest"
        )
    return (
        f"no channel is left under suspension {lifted.suspension}, but it stands for those to come until "
        "`standfast resume` lifts it"
    )


def _closed(still_closed: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for channel, numbers in list(still_closed.items())[:SHOWN]:
        yield f"  closed      {channel} all the same, by suspension {_listed(numbers)}"
    if len(still_closed) > SHOWN:
        yield f"  closed      and {len(still_closed) - SHOWN} more"


def _unknown(calls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for item in calls[:SHOWN]:
        yield f"    attempt {item['attempt']}  post {item['post']}  {item['channel']}  {item['state']} since {item['since']}"
        yield f"      {item['remedy']}"
    yield from _more(len(calls) - SHOWN)


def _posts(posts: Sequence[Mapping[str, Any]], count: int, by_channel: Mapping[str, int]) -> Iterator[str]:
    """The first of them; where there are more, how many on which channel."""
    for item in posts[:SHOWN]:
        yield f"    {item['due_at']}  post {item['post']}  {item['channel']}  {' '.join(item['text'].split())}"
    yield from _more(count - SHOWN)
    if count > SHOWN:
        named = [f"{channel} {number:,}" for channel, number in by_channel.items()]
        yield f"    by channel: {_some(named)}"


def _more(number: int) -> Iterator[str]:
    if number > 0:
        yield f"    … and {number:,} more: `--json` lists them"


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join([*names[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
