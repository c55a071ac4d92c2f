"""The post with which a lift can be announced: an ordinary one, looked over before anything is lifted and queued after it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commands import context
from commands.context import Context, clean_text
from scheduler.killswitch import SwitchError

if TYPE_CHECKING:
    from scheduler.planning.post_service import NewPost

EVERYWHERE = "all"
OPTIONS = "--announce, --announce-statement, --announce-on and --fill"


@dataclass(frozen=True)
class Wish:
    """What a resume was asked to announce: own words or a statement of the plan, and on which channels (``all``)."""

    text: str | None = None
    statement: str | None = None
    channels: Sequence[str] = ()
    fill: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing was asked for."""
        return self == Wish()


class Announcement:
    """One announcement, from its check to its place in the queue."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish

    def check(self) -> None:
        """Raise SwitchError, in words for people, when the posts would not be taken as they are by `post add`."""
        try:
            self._each(lambda service, *post: service.check(*post))
        except Exception as error:
            raise SwitchError(f"the announcement: {_why(error)}; NOT LIFTED") from None

    def queue(self) -> tuple[dict[str, int], str | None]:
        """(the posts by channel, why not all are queued or None): the lift is done, so nothing is raised."""
        ids: dict[str, int] = {}
        try:
            self._each(lambda service, *post: ids.update(service.add(*post).ids))
        except Exception as error:
            return {}, f"the announcement was not queued ({_why(error)}): `standfast post add --now`"
        return ids, _waits(ids)

    def _each(self, do: Any) -> None:
        """`do` with each text, on its channels: all in one transaction."""
        with closing(Context()) as own:
            from commands import checking
            from governance import access
            from scheduler.planning import post_service

            posts = [(new, checking.strict(own, new.text)) for new in _posts(own, self.wish)]
            actor = own.actor
            post_service.load_platforms(own.engine)
            with access.acting(own.engine) as session:
                for new, verdict in posts:
                    do(post_service, session, actor, new, verdict)


def _posts(own: Context, wish: Wish) -> list[NewPost]:
    """One post for each text: a statement may have other words for another platform. Raises UserError."""
    from commands import crisis, post_options
    from scheduler.planning import content
    from scheduler.planning.post_service import NewPost

    if (wish.text is None) == (wish.statement is None):
        raise context.UserError("say what: --announce TEXT, or --announce-statement NAME")
    if not wish.channels:
        raise context.UserError("say where: --announce-on CHANNEL (may be repeated), or --announce-on all")
    names = [clean_text(name, "--announce-on", most=1000) for name in wish.channels]
    everywhere = names == [EVERYWHERE]
    where = crisis.Wish(() if everywhere else names, everywhere, wish.statement, wish.fill, "en")
    platforms = crisis.platforms(own, where)
    words = None if wish.text is None else content.fit(wish.text, "the announcement")
    at, late = post_options.occurrence_now(own, None), int(own.settings.lateness * 1_000_000)
    channels_of: dict[str, list[str]] = {}
    for name, platform in platforms.items():
        text = words if words is not None else crisis.filled(own, where, platform, ())
        channels_of.setdefault(text, []).append(name)
    return [NewPost(tuple(names), at, text, late, past_is_now=True) for text, names in channels_of.items()]


def _waits(ids: dict[str, int]) -> str | None:
    """What is still to be done where posts must be approved: the announcement is a draft then."""
    from governance import rules

    if not rules.in_force().approval:
        return None
    return (
        f"the announcement waits for its approval: `standfast post submit {' '.join(map(str, ids.values()))} --attest`"
    )


def _why(error: Exception) -> str:
    return " ".join((context.explain(error) or f"{type(error).__name__}: {error}").split())
