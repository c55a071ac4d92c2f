"""Who may do what, as one table: which permission each verb asks for, where, and on which surfaces it is asked.

Nothing is decided here: every service asks `governance.access` by itself. The table says what they ask, a test tries every
role with every verb on every surface against it, and `docs/who-may-what.md` shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.roles import Roles

COMMAND, FILE, PAGE = "command line", "calendar file", "stop page"
OWN, OTHER, EVERYWHERE = "own channel", "another channel", "all channels"
PLACES = (OWN, OTHER, EVERYWHERE)
"""Where a role is held, and on what it is used: granted on one channel and used there, or elsewhere; granted on all."""


@dataclass(frozen=True)
class Row:
    """A verb. `needs`: any one of these permissions; `on_channel`: a role on the channel is enough there."""

    verb: str
    needs: tuple[str, ...]
    on_channel: bool
    surface: str = COMMAND

    def allows(self, roles: Roles, role: str | None, place: str) -> bool:
        """True when somebody of this role may do it."""
        held = roles.get(role or "", frozenset())
        return bool(held & set(self.needs)) and (place == EVERYWHERE or (place == OWN and self.on_channel))


def _rows(names: str, needs: str, on_channel: bool, surface: str = COMMAND) -> list[Row]:
    return [Row(name.strip(), tuple(needs.split()), on_channel, surface) for name in names.split(",")]


ROWS = (
    *_rows("crisis", "suspend", True),
    *_rows("crisis", "suspend", False, PAGE),
    *_rows("crisis drill", "suspend", True),
    *_rows("crisis sweep, crisis notices --test, alert read, alert dismiss", "suspend", False),
    *_rows("crisis action add, crisis action done", "suspend resume", True),
    *_rows("crisis post", "emergency", True),
    *_rows("resume", "resume", True),
    *_rows("doctor --confirm-clock", "resume", False),
    *_rows("post add", "queue", True),
    *_rows("calendar sync, calendar sync --remove", "queue", True),
    *_rows("calendar sync", "queue", True, FILE),
    *_rows("post edit, post cancel, post hold, post reschedule, post submit", "queue release", True),
    *_rows("post release, post close, post approve, post return", "release", True),
    *_rows("channel request, channel strategy, channel calendar", "queue channels", True),
    *_rows("channel add, channel test, channel approve, channel authorize, channel suspend", "channels", False),
    *_rows("channel reinstate, channel retire, channel platform, channel tool", "channels", False),
    *_rows(
        "people add, people employ, people grant, people revoke, people token, people revoke-token", "people", False
    ),
    *_rows("people leave, people train, people untrain, people designate, people end-designation", "people", False),
    *_rows("people spokesperson, people end-spokesperson, people delegate, people end-delegation", "people", False),
    *_rows("people import, people seal, people revoke-code, people review-code", "people", False),
    *_rows("moderation add, moderation undo, moderation list", "records queue", True),
    *_rows("records hold add, records hold list, records hold release, records dispose propose", "records", False),
    *_rows("records dispose list, records dispose show, records dispose approve", "records", False),
    *_rows("records dispose withdraw, records dispose carry-out, records dispose certificate", "records", False),
    *_rows("moderation export, records search, records export, records timeline", "records", False),
    *_rows("records intake, records anchor", "records", False),
    *_rows("records inbound fetch, records inbound list, records inbound show", "records queue", True),
    *_rows("records inbound mark, records inbound forward", "records queue", True),
    *_rows("crisis report, crisis action list", "records suspend resume", False),
)
"""Beside a role, whoever queues, approves or releases must be an employee, and trained where the city asks for it. Who
is signed in may read. For oneself, `people spokesperson` and `people delegate` ask for nothing; `people sign` asks for the
signature."""


def cell(row: Row, roles: Roles, role: str) -> str:
    """``own`` (where the role is held), ``all`` (only who holds it on all channels), or a dash."""
    if row.allows(roles, role, OWN):
        return "own"
    return "all" if row.allows(roles, role, EVERYWHERE) else "–"


def lines(roles: Roles) -> list[str]:
    """The table as Markdown."""
    heads = ["verb", "surface", "needs", *roles]
    rows = [
        [
            f"`{row.verb}`",
            row.surface,
            " or ".join(f"`{need}`" for need in row.needs),
            *(cell(row, roles, r) for r in roles),
        ]
        for row in ROWS
    ]
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
