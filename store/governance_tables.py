"""The tables of who may post and where: training, designations, spokespersons, channels' authorizations, approvals.

Nothing here is ever deleted: what has ended says when and by whom. Days are ISO dates as people write them; what a claim
compares is a moment in µs beside them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, long_text, one_of

AUTHORIZATION_STATES = ("requested", "authorized", "suspended", "retired")
STATUSES = ("approved", "prohibited", "retired")
VERDICTS = ("approved", "returned")
FOR_EVER = 2**62
"""The moment at which what has no end ends."""


class Training(SQLModel, table=True):
    """A course that somebody completed; it counts until `ends_at`."""

    __table_args__ = (Index("training_person", "person", "course"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    person: str
    course: str
    completed_on: str
    valid_until: str | None = None
    ends_at: int = big()
    recorded_by: str
    recorded_at: int = big()
    revoked_by: str | None = None
    revoked_at: int | None = big(nullable=True)


class Designation(SQLModel, table=True):
    """A duty given to somebody in writing (``department-director``, …): `document` says where the paper is."""

    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    person: str = Field(index=True)
    title: str
    department: str
    document: str
    made_by: str
    made_at: int = big()
    ended_by: str | None = None
    ended_at: int | None = big(nullable=True)


class Spokesperson(SQLModel, table=True):
    """Leave to represent the city on an account of one's own: active with both signatures, and until it ends."""

    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    person: str = Field(index=True)
    subject: str
    asked_by: str
    asked_at: int = big()
    director: str | None = None
    director_at: int | None = big(nullable=True)
    communications: str | None = None
    communications_at: int | None = big(nullable=True)
    ended_by: str | None = None
    ended_at: int | None = big(nullable=True)


class ApprovedItem(SQLModel, table=True):
    """What the city says of a platform or a tool; where there is no row, the shipped list speaks."""

    __tablename__ = "approved_item"
    __table_args__ = (one_of("status", STATUSES),)

    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    status: str
    reason: str = long_text()
    source: str
    decided_by: str
    decided_at: int = big()


class ChannelAuthorization(SQLModel, table=True):
    """What stands of a channel's way from request to authorization; each step is also an entry of the chain."""

    __tablename__ = "channel_authorization"
    __table_args__ = (one_of("state", AUTHORIZATION_STATES),)

    channel: str = Field(primary_key=True)
    state: str = "requested"
    department: str = ""
    contact: str = ""
    administrator: str = ""
    tool: str = ""
    strategy: str = ""
    strategy_on: str | None = None
    calendar: str = ""
    calendar_on: str | None = None
    requested_by: str
    requested_at: int = big()
    approved_by: str | None = None
    approved_on: str | None = None
    approved_at: int | None = big(nullable=True)
    authorized_by: str | None = None
    authorized_at: int | None = big(nullable=True)
    reason: str = ""
    changed_at: int = big()


class Attestation(SQLModel, table=True):
    """The words that submitters agreed to, kept once."""

    digest: str = Field(primary_key=True)
    words: str = long_text()


class Submission(SQLModel, table=True):
    """A version of a post handed in for approval, with what its submitter attested to. `closed_at`: it is no longer open."""

    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    post_id: int = big(index=True)
    content_hash: str
    due_at: int = big()
    tier: str
    attestation: str
    submitted_by: str
    submitted_at: int = big()
    closed_at: int | None = big(nullable=True)
    outcome: str | None = None


class Approval(SQLModel, table=True):
    """What one person said of one submission. `principal`: in whose place a delegate said it.

    An approval is good for these words, for a time within `window_us` of `due_at`, until `expires_at`, unless voided.
    """

    __table_args__ = (one_of("verdict", VERDICTS), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    post_id: int = big(index=True)
    submission_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    content_hash: str
    due_at: int = big()
    approver: str
    principal: str | None = None
    decided_at: int = big()
    window_us: int = big()
    expires_at: int = big()
    verdict: str
    comment: str = long_text()
    voided_at: int | None = big(nullable=True)
    void_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class Delegation(SQLModel, table=True):
    """Somebody approves in another's place, on one channel or on all (``*``), from one moment to another."""

    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    person: str = Field(index=True)
    delegate: str = Field(index=True)
    channel: str = "*"
    from_at: int = big()
    until_at: int = big()
    made_by: str
    made_at: int = big()
    ended_by: str | None = None
    ended_at: int | None = big(nullable=True)
