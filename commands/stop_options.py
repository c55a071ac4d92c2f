"""What the options of `standfast crisis` mean. Nothing is loaded here that a plain stop does not need."""

from __future__ import annotations

from collections.abc import Callable

from scheduler import killswitch
from scheduler.emergency_stop import Request
from scheduler.killswitch import Recorded, SwitchError

Tell = Callable[[str], None]


def request(scope: str, reason: str, kind: str, starts: str, code: str, *, wait: bool) -> Request:
    """The stop that these options ask for. Raises SwitchError."""
    own_kind, at = kind_of(kind), starts_at(kind, starts)
    return Request(killswitch.Scope.parse(scope), reason, own_kind, wait=wait, starts_at=at, code=code)


def kind_of(text: str) -> str:
    """The kind that ``--kind`` names. Raises SwitchError."""
    known = (*killswitch.REAL, killswitch.PLANNED)
    if text not in known:
        raise SwitchError(f"kind {text!r} is none of {', '.join(known)}, drill")
    return text


def starts_at(kind: str, text: str) -> int:
    """Wall time (µs) of ``--starts`` in the city's zone; 0 without. Raises SwitchError."""
    if (kind == killswitch.PLANNED) != bool(text):
        raise SwitchError("--kind planned and --starts 'YYYY-MM-DD HH:MM' belong together")
    if not text:
        return 0
    from commands import context
    from config import settings

    try:
        return context.parse_at(text, settings.load().timezone).at_us
    except (context.UserError, settings.SettingsError) as error:
        raise SwitchError(str(error)) from None


def harder(kind: str) -> Callable[[Recorded, Tell], None]:
    """What ``--cut`` does beside a stop of `kind`; loaded when SUSPENDED is told. Raises SwitchError."""
    if kind not in killswitch.REAL:
        raise SwitchError(f"--cut belongs to a stop that is meant, now: not to --kind {kind}")

    def cut(recorded: Recorded, tell: Tell) -> None:
        from commands import cut

        cut.cut(recorded, tell)

    return cut
