"""What somebody must be beside holding a role: an employee (GV-4), and trained where the city asks for it.

Asked when a post is queued, and again of what was read with the post when it is published (`scheduler.clearance`). Not in
`governance.authority`: a stop asks for a role alone, also in a store that an older program made.
"""

from __future__ import annotations

from governance import authority, rules
from governance.authority import Cursor

POSTING = frozenset({"queue", "release", "emergency"})
"""What only employees with current training may do; an emergency message waits for no training."""
EMPLOYEE = "employee"
EMPLOYMENT = (EMPLOYEE, "contractor", "volunteer", "intern", "official")
TRAINED = "(SELECT max(t.ends_at) FROM training t WHERE t.person = {person} AND t.course = ? AND t.revoked_at IS NULL)"
"""Until when (µs UTC) a person's training in a course counts; null without any (SQL)."""


def ineligible(cursor: Cursor, dialect: str, person: str, permission: str, channel: str, now: int) -> str | None:
    """Why `person` may not use `permission` on `channel`, in one line; None when they may. One query."""
    if permission not in POSTING:
        return authority.ineligible(cursor, dialect, person, permission, channel)
    course, grants = rules.in_force().training, authority.GRANTS.format(channel="?")
    text = f"SELECT w.state, g.role, w.employment, {TRAINED.format(person='w.id')} FROM person w LEFT JOIN {grants}"  # noqa: S608 (constants only)
    text += " WHERE w.id = ?"
    cursor.execute(text if dialect == "sqlite" else text.replace("?", "%s"), (course, channel, channel, person))
    held = cursor.fetchall()
    why = authority.why_not([row[:2] for row in held], person, permission, channel)
    return why or shortcoming(person, held[0][2], held[0][3], permission, course, now)


def shortcoming(
    person: str, employment: str | None, trained_until: int | None, permission: str, course: str, now: int
) -> str | None:
    """Why somebody active who holds the right role may not use it all the same; None when they may."""
    if employment != EMPLOYEE:
        return f"{person} is here as {employment}, and only employees may post"
    if not course or permission == "emergency" or (trained_until or 0) > now:
        return None
    if trained_until is None:
        return f"{person} has no training {course!r} on record"
    return f"the training {course!r} of {person} is no longer valid"
