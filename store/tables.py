"""The tables, as SQLModel classes.

Moments are wall time in microseconds since 1970-01-01 UTC (``*_at``, BIGINT); boot-time moments end in ``_boot_ns`` and mean
something only together with the host and boot that wrote them. States are short words checked by the database itself.
The switch reads and writes the same tables in plain SQL (`scheduler.killswitch`): a renamed column must be renamed there.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from store.columns import IDENTITY, big, flag, json, long_text, one_of, word

POST_STATES = (
    "draft",
    "in_review",
    "scheduled",
    "publishing",
    "published",
    "held",
    "unknown",
    "failed",
    "cancelled",
)
ATTEMPT_STATES = (
    "claimed",
    "sending",
    "published",
    "rejected",
    "unknown",
    "aborted",
    "not_sent",
    "closed_by_person",
)
LIVE_ATTEMPT_STATES = ("claimed", "sending", "unknown", "published")
"""One attempt per (post, part) in these: the database itself refuses a double."""


class Meta(SQLModel, table=True):
    """What the store is: ``store_id`` (random, for ever) and the like."""

    key: str = Field(primary_key=True)
    value: str


STAGED = "staged:"
"""How the `source_key` of a post begins that a calendar sync has laid down but not yet made real; its state is ``draft``."""


class Gate(SQLModel, table=True):
    """One row (id 1). A missing row means suspended. `epoch` rises at each suspend, lift and restore."""

    id: int = Field(primary_key=True)
    epoch: int = big()
    generation: int = big()


class Suspension(SQLModel, table=True):
    """Append-only but for the lift, `quiet_at`, and a planned one's beginning (its `epoch` and `begun_at`).

    Active while `lifted_epoch` is null, from `starts_at` on; what has begun does not look at the clock again.
    """

    __table_args__ = (Index("suspension_active", "lifted_epoch"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    epoch: int = big()
    kind: str
    scope_kind: str
    scope_value: str = ""
    reason: str = long_text()
    by: str
    at: int = big()
    starts_at: int = big()
    begun_at: int | None = big(nullable=True)
    request_id: str = Field(unique=True)
    lifted_epoch: int | None = big(nullable=True)
    lifted_by: str | None = None
    lifted_at: int | None = big(nullable=True)
    lift_reason: str | None = None
    quiet_at: int | None = big(nullable=True)


class SuspensionChannel(SQLModel, table=True):
    """The channels a group suspension covered when it was declared: leaving the group lifts nothing."""

    __tablename__ = "suspension_channel"

    suspension_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    channel: str = Field(primary_key=True)


class SuspensionInflight(SQLModel, table=True):
    """The attempts that were sending or unknown when the suspension was recorded, written in its own transaction."""

    __tablename__ = "suspension_inflight"

    suspension_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    attempt_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    state_then: str


class ResumeRequest(SQLModel, table=True):
    """The first step of a resume: bound to the epoch in which it was asked, void when the epoch moves.

    `channels`: a JSON list, the only ones it is for; null: for the whole suspension.
    """

    __tablename__ = "resume_request"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    suspension_id: int = big(index=True)
    epoch: int = big()
    code_hash: str
    by: str
    reason: str = long_text()
    at: int = big()
    used_at: int | None = big(nullable=True)
    channels: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class Channel(SQLModel, table=True):
    """One account on one platform; its name is for ever. `secrets` maps a credential to the variable that holds it."""

    __table_args__ = (one_of("state", ("active", "suspended")),)

    name: str = Field(primary_key=True)
    platform: str
    state: str = "active"
    settings: dict[str, str] = json({})
    secrets: dict[str, str] = json({})
    spacing_us: int = big(default=0)
    next_free_at: int = big(default=0)
    not_before_at: int = big(default=0)
    created_at: int = big()


class ChannelGroup(SQLModel, table=True):
    """A channel's membership of a group (``parks``, ``public-safety``)."""

    __tablename__ = "channel_group"

    channel: str = Field(primary_key=True)
    name: str = Field(primary_key=True, index=True)


class Person(SQLModel, table=True):
    """Somebody who may do something here. `id` is the short name that files and logs carry."""

    __table_args__ = (one_of("state", ("active", "left")),)

    id: str = Field(primary_key=True)
    name: str
    state: str = "active"
    created_at: int = big()
    employment: str = word("employee")
    department: str | None = None


class RoleGrant(SQLModel, table=True):
    """A role given to a person, on one channel, on those of a group (``group:parks``) or on all (``*``)."""

    __tablename__ = "role_grant"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    person: str = Field(index=True)
    role: str
    channel: str = "*"
    granted_by: str
    granted_at: int = big()
    revoked_by: str | None = None
    revoked_at: int | None = big(nullable=True)


class Token(SQLModel, table=True):
    """A sign-in token: only the SHA-256 of its secret is kept."""

    id: str = Field(primary_key=True)
    person: str = Field(index=True)
    secret_hash: str = Field(index=True)
    label: str = ""
    created_at: int = big()
    expires_at: int | None = big(nullable=True)
    revoked_at: int | None = big(nullable=True)


class CalendarFile(SQLModel, table=True):
    """A calendar as it was last applied, or why it was not (`fault`).

    `basis` is what else it was read against (`scheduler.planning.calendar_basis`); null: it must be read again to be sure.
    """

    __tablename__ = "calendar_file"

    name: str = Field(primary_key=True)
    digest: str = ""
    owner: str = ""
    synced_at: int | None = big(nullable=True)
    staged_until: int = big(default=0)
    fault: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    fault_digest: str = ""
    basis: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class CalendarEntry(SQLModel, table=True):
    """One entry of an applied calendar: its body as read, and the hash that says whether it changed."""

    __tablename__ = "calendar_entry"

    file: str = Field(primary_key=True)
    entry: str = Field(primary_key=True)
    digest: str
    body: dict[str, Any] = json({})


class Post(SQLModel, table=True):
    """One piece of content for one channel at one time.

    `due_at` is the time it was promised for; `ready_at` is when to try (later than due after a retry or spacing).
    `share_of`: the address or account of another's post that it shares. `changed_by`: who gave it this content; empty: its
    author. `changed_at`: when (wall µs); null: when it was made. `kept`: this content is a record (`records.archive`).
    `disposed_at`: when its content was disposed of.
    """

    __table_args__ = (
        one_of("state", POST_STATES),
        Index("post_ready", "channel", "state", "ready_at"),
        Index("post_due", "state", "due_at"),
        Index("post_published", "published_at"),
        Index("post_file", "file", "entry"),
        Index("post_unkept", "id", sqlite_where=text("NOT kept"), postgresql_where=text("NOT kept")),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    channel: str
    state: str = "scheduled"
    hold_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    text: str = long_text()
    media: list[dict[str, str]] = json([])
    tags: list[str] = json([])
    share_of: str = word("")
    source_checked: bool = flag()
    content_hash: str
    local_time: str
    zone: str
    time_note: str | None = None
    due_at: int = big()
    ready_at: int = big()
    lateness_us: int = big()
    tries: int = 0
    author: str
    file: str | None = None
    entry: str | None = None
    source_key: str | None = Field(default=None, unique=True)
    created_at: int = big()
    updated_at: int = big()
    published_at: int | None = big(nullable=True)
    remote_id: str | None = None
    link: str | None = None
    changed_by: str = word("")
    changed_at: int | None = big(nullable=True)
    kept: bool = flag()
    disposed_at: int | None = big(nullable=True)


class Attempt(SQLModel, table=True):
    """One attempt at one part of a post. Its id is its number: it only rises, and is witnessed before the send."""

    __table_args__ = (
        one_of("state", ATTEMPT_STATES),
        Index(
            "attempt_one_live",
            "post_id",
            "part",
            unique=True,
            sqlite_where=text("state IN ('claimed', 'sending', 'unknown', 'published')"),
            postgresql_where=text("state IN ('claimed', 'sending', 'unknown', 'published')"),
        ),
        Index(
            "attempt_open",
            "state",
            sqlite_where=text("state IN ('claimed', 'sending', 'unknown')"),
            postgresql_where=text("state IN ('claimed', 'sending', 'unknown')"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    post_id: int = big(index=True)
    part: int = 0
    channel: str
    state: str
    worker: str = Field(index=True)
    idempotency_key: str
    content_hash: str
    claim_epoch: int = big()
    authorise_epoch: int | None = big(nullable=True)
    claimed_at: int = big()
    sending_at: int | None = big(nullable=True)
    deadline_boot_ns: int | None = big(nullable=True)
    finished_at: int | None = big(nullable=True)
    outcome: str | None = None
    detail: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    remote_id: str | None = None
    link: str | None = None
    looks: int = 0
    look_at: int | None = big(nullable=True)
    closed_by: str | None = None
    override_id: int | None = big(nullable=True)


class Worker(SQLModel, table=True):
    """A process that publishes: a fresh id for every start, never reused."""

    id: str = Field(primary_key=True)
    kind: str
    host: str
    boot_id: str
    pid: int
    pid_start: int = big()
    lock_file: str
    started_at: int = big()
    heartbeat: int = big(default=0)
    heartbeat_at: int = big(default=0)
    ended_at: int | None = big(nullable=True)


class Alarm(SQLModel, table=True):
    """Something a person must look at before claims go on (``clock``: wall time jumped)."""

    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(IDENTITY, primary_key=True, autoincrement=True))
    kind: str
    host: str
    detail: str = long_text()
    raised_at: int = big()
    confirmed_by: str | None = None
    confirmed_at: int | None = big(nullable=True)


class LogEntry(SQLModel, table=True):
    """An entry of the hash chain (`store.chain`): what was done or refused, by whom, and the hash of all before it."""

    __tablename__ = "log_entry"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: int = big()
    actor: str
    action: str = Field(index=True)
    subject: str
    detail: str = long_text()
    previous: str
    hash: str


class ChainHead(SQLModel, table=True):
    """One row (id 1): the newest entry's number and hash, so that a cut-off tail shows."""

    __tablename__ = "chain_head"

    id: int = Field(primary_key=True)
    seq: int = big()
    hash: str
