"""What the city asks of people, channels and posts beyond a role, as the settings of this process have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings


@dataclass(frozen=True)
class Rules:
    """`training`: the course that whoever posts must have completed (empty: none); `channels`: a channel must be authorized;
    `approval`: a post must be approved."""

    training: str = ""
    channels: bool = False
    approval: bool = False

    @property
    def course(self) -> str:
        """The course that a channel's administrator must have completed, whatever is asked of others."""
        return self.training or "social-media"

    @property
    def is_empty(self) -> bool:
        """True when nothing is asked beyond a role and employment."""
        return self == Rules()


class _Current:
    rules = Rules()


def of(settings: Settings) -> Rules:
    """The rules that these settings make."""
    return Rules(settings.training, settings.channel_authorization, settings.approval == "required")


def use(rules: Rules) -> None:
    """Take `rules` for this process from here on."""
    _Current.rules = rules


def in_force() -> Rules:
    """The rules of this process: those of `use`, else none."""
    return _Current.rules
