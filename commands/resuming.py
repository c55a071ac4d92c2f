"""What `standfast resume` tells people: what lifting would do, and what it did. Lines; who calls prints them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scheduler import exercise

if TYPE_CHECKING:
    from scheduler.resumption import Lifted, Offer


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
    yield f"NOT LIFTED  suspension {offer.suspension} ({offer.scope}) stays until the code is confirmed"
    if offer.unconfirmed:
        yield f"  warning     {offer.unconfirmed} call(s) from before the stop are not confirmed"
    yield f"  held        {offer.will_be_held_count} post(s) whose time has passed will wait for a person"
    yield from _posts(offer.will_be_held)
    yield f"  next hour   {len(offer.next_hour)} post(s) will go out at their own times"
    yield from _posts(offer.next_hour)
    if offer.remaining:
        yield f"  STILL SUSPENDED afterwards by suspension {_listed(offer.remaining)}"
    yield f"To lift it before {offer.expires_at}: standfast resume --confirm {offer.code} --reason '…'"


def _lifted(lifted: Lifted) -> Iterator[str]:
    yield f"LIFTED  suspension {lifted.suspension}, epoch {lifted.epoch}"
    yield f"  held        {lifted.held} post(s) whose time had passed; {lifted.held_in_all} held in all"
    if lifted.held_in_all:
        yield "  see them with `standfast post list --state held`, then `standfast post release|reschedule|cancel`"
    if lifted.remaining:
        yield f"  STILL SUSPENDED by suspension {_listed(lifted.remaining)}"
    if lifted.warning:
        yield f"  warning     {lifted.warning}"


def _posts(posts: list[dict[str, Any]]) -> Iterator[str]:
    for item in posts:
        yield f"    {item['due_at']}  post {item['post']}  {item['channel']}  {' '.join(item['text'].split())}"


def _listed(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
