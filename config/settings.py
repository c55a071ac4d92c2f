"""All settings, checked: each by itself, then against each other, every mistake at once and by name and value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from config import departments, essentials, web_address
from config.address import Address

Seconds = Annotated[float, BeforeValidator(essentials.seconds)]
Flag = Annotated[bool, BeforeValidator(essentials.flag)]
Departments = Annotated[dict[str, str], BeforeValidator(departments.by_channel)]
Hosts = Annotated[str, BeforeValidator(web_address.hosts)]
COURSE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
LEAST_INBOUND_S = 60.0
"""Platforms count what is read, and shut out who reads without end."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
LEAST_ANCHOR_S = 60.0
LEAST_INTERVAL_S = 10.0
"""A feed is a public service's as a rule: who asks more often is shut out."""


class SettingsError(Exception):
    """The settings cannot be used: `faults` has one line per mistake."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Settings(BaseModel):
    """Every setting of ``standfast.toml``; durations in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Path("data")
    state_dir: str = ""
    database_url: str = ""
    engine: Literal["local"] = "local"
    timezone: str = "UTC"
    calendars: Path = Path("calendars")
    roles: Path | None = None
    training: str = ""
    """The course that whoever posts must have completed; empty: none."""
    channel_authorization: Flag = False
    """Posts go out only on channels that are authorized."""
    approval: Literal["none", "required"] = "none"
    """Whether a post must be approved before it goes out."""
    approvals: Path | None = None
    """The city's tiers of approval and words of attestation; none: the shipped ones."""
    plan: Path | None = None
    """The city's Crisis Communications plan."""
    checks: Path | None = None
    """The city's levels and words for the content checks, over the shipped ones."""
    site_terms: Path | None = None
    """The terms under which the public writes on the city's sites; none: the shipped example."""
    retention: Path | None = None
    """The city's retention schedule; none: the shipped example, by which nothing is disposed of."""
    alerts: Path | None = None
    """The city's rules for alerts; none: the shipped ones, by which nothing is held."""
    alerts_folder: Path | None = None
    """Where a receiver puts alerts."""
    alerts_feed: str = ""
    """The address of a feed of alerts."""
    alerts_hosts: Hosts = ""
    """The hosts that may be asked for alerts, parted by commas."""
    alerts_interval: Seconds = 60.0
    """Time between two looks at the feed."""

    inbound_every: Seconds = 600.0
    """Time between two looks at what the public writes on a channel; 0: the daemon never looks."""
    inbound_departments: Departments = {}
    """Channel → the department to which what the public writes there is passed on, where nothing else is said."""

    send_deadline: Seconds = 30.0
    """Longest a publish call may take, from leave to end."""
    prepare_deadline: Seconds = 60.0
    """Longest the uploads before it may take."""
    lateness: Seconds = 1800.0
    """A post later than this is held for a person."""
    spacing: Seconds = 30.0
    """Least time between two posts on one channel."""
    release_spacing: Seconds = 300.0
    """Time between held posts released together, per channel."""
    threads: int = Field(default=8, ge=1, le=256)
    """Publish calls under way at once."""
    retries: int = Field(default=5, ge=0, le=100)
    """New attempts after one that provably was not sent."""
    retry_first: Seconds = 5.0
    retry_most: Seconds = 300.0
    settle: Seconds = 120.0
    """How long after a lost answer "not found" is not yet believed."""
    look_every: Seconds = 15.0
    """Time between two looks for a post whose outcome is unknown."""
    horizon: Seconds = 60 * 86400.0
    """How far ahead recurring entries become posts."""
    recall: Seconds = 3600.0
    """How far back the receipt lists what was published."""
    resume_two_persons: Flag = False
    resume_code_life: Seconds = 900.0
    reconfirm: Seconds = 0.0
    """Posts due within this time after a lift wait for a person, too; 0: they go out at their own times."""
    clock_jump: Seconds = 30.0
    """A jump of wall time beyond this stops claims until a person confirms."""
    reload_every: Seconds = 2.0
    """How often the daemon looks at the calendars folder when the system gives no notice."""
    busy_timeout: Seconds = 10.0
    """How long an ordinary command waits for a busy database."""
    stop_page: str = ""
    """Where the daemon serves the stop page, HOST:PORT; empty: nowhere."""
    stop_page_certificate: Path | None = None
    stop_page_key: Path | None = None
    stop_page_proxy: Flag = False
    """A proxy of the city's stands in front of the stop page and speaks TLS."""

    anchor_tsa_url: str = ""
    """The address of the authority that stamps the log's head (RFC 3161)."""
    anchor_certificate: Path | None = None
    """The certificates that its stamps must be signed by; none: a public authority's."""
    anchor_folder: Path | None = None
    """Where the log's head is laid down in files, on another disk or host."""
    anchor_address: str = ""
    """The name of the variable with the address to which the log's head is sent."""
    anchor_every: Seconds = 86400.0
    """Time between two anchors."""

    root: Path = Field(default=Path(), exclude=True)

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError):  # KeyError: the zone that is well-formed and unknown
            raise ValueError("is not an IANA time zone: write one such as America/Chicago") from None
        return value

    @field_validator("training")
    @classmethod
    def _course(cls, value: str) -> str:
        if value and not COURSE.fullmatch(value):
            raise ValueError("is no course: use a-z, 0-9 and '-', such as social-media")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must start with sqlite:/// or postgresql+psycopg://")
        return value

    @field_validator("stop_page")
    @classmethod
    def _address(cls, value: str) -> str:
        return str(Address.parse(value)) if value else value

    @property
    def alert_hosts(self) -> frozenset[str]:
        """The hosts of `alerts_hosts`, in lower case."""
        return frozenset(filter(None, self.alerts_hosts.split(", ")))

    @property
    def calendars_dir(self) -> Path:
        """The folder of the calendars, absolute."""
        return essentials.path_below(self.root, str(self.calendars))


MUST_NOT_EXCEED = (
    ("send_deadline", "settle", "a lost answer would be called not found while its call may still run"),
    ("send_deadline", "lateness", "a post could pass its lateness limit inside one call"),
    ("retry_first", "retry_most", "the first wait cannot be longer than the longest"),
    ("retry_most", "lateness", "a retry would come only after the post is held as late"),
    ("spacing", "release_spacing", "released posts would be planned closer than the channel sends"),
    ("spacing", "lateness", "the second of two posts at one time would always be held as late"),
    ("look_every", "settle", "the settling time would pass without a look"),
    ("lateness", "horizon", "posts would be late before they are staged"),
)
"""(smaller, larger, what goes wrong otherwise)"""


def load(start: Path | None = None) -> Settings:
    """The settings in force. Raises SettingsError with every fault, each naming setting and value."""
    return check(essentials.merged(start=start))


def check(loaded: essentials.Loaded) -> Settings:
    """`loaded` as checked settings. Raises SettingsError."""
    if loaded.warnings:
        raise SettingsError(list(loaded.warnings))
    source = str(loaded.file or "the environment")
    faults = [_unknown(source, "root", loaded.values["root"])] if "root" in loaded.values else []
    try:
        settings = Settings(**{**loaded.values, "root": loaded.root})
    except ValidationError as error:
        raise SettingsError(faults + [_line(source, item, loaded.environ) for item in error.errors()]) from None
    faults += [f"{source}: {fault}" for fault in _cross_faults(settings)]
    if faults:
        raise SettingsError(faults)
    return settings


def _unknown(source: str, name: str, value: object) -> str:
    return f"{source}: {name} = {value!r} is not a setting: take it out or mend its name"


def _line(source: str, item: Any, environ: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in item["loc"]) or "settings"
    variable = f"{essentials.PREFIX}{name.upper()}"
    if item["type"] == "extra_forbidden" and variable in environ:  # its value may be a credential
        return f"{variable} is not a setting: mend its name, or give a secret's variable another beginning"
    if item["type"] == "extra_forbidden":
        return _unknown(source, name, item["input"])
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{source}: {name} = {without_password(item['input'])!r}: {reason}"


def without_password(value: Any) -> Any:
    """`value`; of a database's address, not the password in it."""
    return re.sub(r"(:/*[^/@:]*:).*@", r"\1***@", value) if isinstance(value, str) else value


def _cross_faults(settings: Settings) -> list[str]:
    return [*_alert_faults(settings), *_inbound_faults(settings), *_anchor_faults(settings), *_order_faults(settings)]


def _inbound_faults(settings: Settings) -> Iterator[str]:
    if 0 < settings.inbound_every < LEAST_INBOUND_S:
        yield (
            f"inbound_every = {settings.inbound_every:g}s is less than {LEAST_INBOUND_S:g}s: the platforms would shut this "
            "city out; raise it, or write 0s to leave it off"
        )


def _alert_faults(settings: Settings) -> Iterator[str]:
    """What keeps the settings for alerts from fitting together. The feed's address is not shown: keys stand in some."""
    hosts = f"alerts_hosts = {settings.alerts_hosts!r}"
    if settings.alerts_feed and not settings.alert_hosts:
        yield f"alerts_feed is set, but {hosts} lists no host: list the feed's, and those that its links lead to"
    elif settings.alerts_feed and (why := web_address.refusal(settings.alerts_feed, settings.alert_hosts)):
        yield f"alerts_feed {why} ({hosts})"
    elif settings.alert_hosts and not settings.alerts_feed:
        yield f"{hosts} is set, but alerts_feed is not: give the feed's address, or take the hosts out"
    if settings.alerts_feed and settings.alerts_interval < LEAST_INTERVAL_S:
        yield (
            f"alerts_interval = {settings.alerts_interval:g}s is less than {LEAST_INTERVAL_S:g}s with alerts_feed set: "
            "the feed's host would shut this city out; raise it"
        )
    if settings.alerts_folder is not None and _is_below(settings, settings.calendars_dir):
        yield (
            f"alerts_folder = {str(settings.alerts_folder)!r} lies in calendars = {str(settings.calendars)!r}: alerts would be "
            "read as calendars; use another folder"
        )


def _anchor_faults(settings: Settings) -> Iterator[str]:
    """What keeps the settings for anchors from fitting together. Of the authority's address no more is shown than its host."""
    url = settings.anchor_tsa_url
    if url and (why := web_address.refusal(url, web_address.host_of(url))):
        yield f"anchor_tsa_url {why}"
    if settings.anchor_certificate is not None and not url:
        yield f"anchor_certificate = {str(settings.anchor_certificate)!r} is set, but anchor_tsa_url is not: nobody stamps"
    if settings.anchor_address and not VARIABLE.fullmatch(settings.anchor_address):
        yield "anchor_address is no name of a variable: put the address into .env and its variable's name here"
    anywhere = url or settings.anchor_folder or settings.anchor_address
    if anywhere and settings.anchor_every < LEAST_ANCHOR_S:
        yield (
            f"anchor_every = {settings.anchor_every:g}s is less than {LEAST_ANCHOR_S:g}s: an authority would shut this city "
            "out; raise it"
        )


def _is_below(settings: Settings, folder: Path) -> bool:
    own = essentials.path_below(settings.root, str(settings.alerts_folder))
    return folder == own or folder in own.parents


def _order_faults(settings: Settings) -> list[str]:
    return [
        f"{small} = {getattr(settings, small):g}s is more than {large} = {getattr(settings, large):g}s: {why}; "
        f"lower {small} or raise {large}"
        for small, large, why in MUST_NOT_EXCEED
        if getattr(settings, small) > getattr(settings, large)
    ]
