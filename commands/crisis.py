"""What `standfast crisis` has beside the stop itself: emergency messages, the sweep, the checklist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from commands import checking
from commands import post_options as options
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say, table
from commands.post_options import Alts, Channels, MediaFiles, Text, TextFile, out

if TYPE_CHECKING:
    from sqlmodel import Session

    from crisis.sweep import Swept
    from scheduler.planning.emergency import Message, Sent
    from scheduler.receipt import Receipt

Suspension = Annotated[
    int | None, typer.Option("--suspension", metavar="N", min=1, help="Which one, when several stand.")
]
COMPROMISE = "compromise"
SWEEP_S = 15.0
"""Longest that one channel's own scheduler may keep the others waiting."""


def post(
    channel: Channels = None,
    everywhere: Annotated[bool, typer.Option("--all", help="On every channel.")] = False,
    statement: Annotated[
        str | None, typer.Option("--statement", metavar="S", help="A holding statement of the plan.")
    ] = None,
    fill: Annotated[
        list[str] | None, typer.Option("--fill", metavar="BLANK=WORDS", help="Fill one of its blanks.")
    ] = None,
    language: Annotated[str, typer.Option("--language", metavar="L", help="The statement's language.")] = "en",
    text: Text = None,
    text_file: TextFile = None,
    media: MediaFiles = None,
    alt: Alts = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Give leave anew to what a new suspension, a lift or an edit voided.")
    ] = False,
    edited: Annotated[
        bool, typer.Option("--edited", help="With --renew: also what was edited since; read it first.")
    ] = False,
    dry_run: options.DryRun = False,
    json: Json = False,
) -> None:
    """Send an emergency message past the closed gate, in your own words or a holding statement's. Needs the role for it."""
    with guarded() as context:
        if renew:
            return _renew(context, edited, json)
        message = _message(
            context, Wish(channel or (), everywhere, statement, fill or (), language), text, text_file, media, alt
        )
        if dry_run:
            return _shown(message, json)
        return _sent(context, message, json)


class Wish:
    """Where an emergency message shall go, and of which statement it is made."""

    def __init__(
        self, channels: Sequence[str], everywhere: bool, statement: str | None, fill: Sequence[str], language: str
    ) -> None:
        if everywhere == bool(channels):
            raise UserError("say where: one or more --channel NAME, or --all")
        self.channels, self.everywhere, self.statement = tuple(channels), everywhere, statement
        self.blanks, self.language = dict(_pair(item) for item in fill), language
        if self.blanks and statement is None:
            raise UserError("--fill belongs to a holding statement: give --statement")


def _pair(text: str) -> tuple[str, str]:
    name, sign, words = text.partition("=")
    if not sign:
        raise UserError(f"--fill {text[:60]!a} fills no blank: write --fill place='Mill Street'")
    return name.strip(), clean_text(words, "--fill", most=1000)


def _message(
    context: Context,
    wish: Wish,
    text: str | None,
    text_file: str | None,
    media: Sequence[str] | None,
    alt: Sequence[str] | None,
) -> Message:
    from scheduler.planning import content
    from scheduler.planning.emergency import Message

    words = options.text_of(text, text_file)
    if (words is None) == (wish.statement is None):
        raise UserError("say what: a --statement of the plan, or --text (or --text-file)")
    rows = options.media_of(context, media or (), alt or ())
    files = content.stored(context.essential.data_dir, rows)
    on = platforms(context, wish)
    texts = {name: words if words is not None else filled(context, wish, on[name], files) for name in on}
    late = int(context.settings.lateness * 1_000_000)
    concerns = checking.not_blocked(context, texts, rows)
    return Message(texts, options.occurrence_now(context, None), late, wish.statement or "", rows, files, concerns)


def platforms(context: Context, wish: Wish) -> dict[str, str]:
    """By channel meant: its platform; a name that does not exist is refused with the rest by the lane itself."""
    from sqlmodel import select

    from store.engine import reading
    from store.tables import Channel

    with reading(context.engine) as session:
        known = {channel.name: channel.platform for channel in session.exec(select(Channel).order_by(Channel.name))}
    if wish.everywhere and not known:
        raise UserError("there is no channel yet: `standfast channel add NAME --platform outbox`")
    names = (
        tuple(known)
        if wish.everywhere
        else tuple(dict.fromkeys(clean_text(name, "--channel") for name in wish.channels))
    )
    return {name: known.get(name, "outbox") for name in names}


def filled(context: Context, wish: Wish, platform: str, files: Sequence[Any]) -> str:
    """The statement's words for a platform: the first variant that it takes."""
    from calendars.draft import did_you_mean
    from crisis import plan, statement
    from scheduler.planning import content

    found = plan.read(plan.file_of(context.settings.root, context.settings.plan))
    name = wish.statement or ""
    if name not in found.statements:
        raise UserError(f"the plan has no statement {name[:60]!a}: {did_you_mean(name, found.statements)}")
    fits = lambda text: not content.problems(platform, text, files)  # noqa: E731  # one line, used once
    return statement.fill(found.statements[name], wish.language, wish.blanks, fits)


def _sent(context: Context, message: Message, json: bool) -> None:
    from scheduler.planning import emergency, post_service

    actor = context.actor
    post_service.load_platforms(context.engine)
    with _lane(context, "nothing was queued or sent") as session:
        sent = emergency.send(session, actor, message)
    _report(sent, message, json)


@contextmanager
def _lane(context: Context, undone: str) -> Iterator[Session]:
    """A transaction in which leave can be given. A planned suspension that has come begins first: leave from before its step
    would be void at once. Raises UserError saying what was not done where it cannot be begun, within a few seconds."""
    from governance import access
    from scheduler import killswitch, restore, windows
    from store.engine import cursor, dialect, reading

    why = windows.begin_due(context.essential)
    if why is not None:
        with reading(context.engine) as session:
            restore.refuse_older_copy(session, context.essential)
            _refuse(session, why, undone)
    with access.acting(context.engine) as session:
        restore.refuse_older_copy(session, context.essential)
        if killswitch.has_due(cursor(session), dialect(session)):
            _refuse(session, "a planned suspension has come at this very moment", undone)
        yield session


def _refuse(session: Session, why: str, undone: str) -> NoReturn:
    from scheduler.planning import emergency

    waiting = emergency.without_leave(session)
    what = f"; {len(waiting)} pending emergency message(s) wait without leave" if waiting else ""
    raise UserError(f"{why}; {undone}{what}: repeat the command, and see `standfast crisis status`")


def _report(sent: Sent, message: Message, json: bool) -> None:
    if json:
        emit({"suspension": sent.suspension, "epoch": sent.epoch, "posts": sent.ids, "texts": message.texts})
        return
    for channel, number in sent.ids.items():
        out(
            f"EMERGENCY  post {number} on {channel}, past the gate of suspension {sent.suspension}: {message.texts[channel]}"
        )
    say("see what becomes of them with `standfast post show NUMBER`")


def _shown(message: Message, json: bool) -> None:
    if json:
        return emit({"dry_run": True, "texts": message.texts})
    for channel, words in message.texts.items():
        out(f"would be sent on {channel}: {words}")
    return say("nothing was sent (--dry-run)")


def _renew(context: Context, edited: bool, json: bool) -> None:
    from scheduler.planning import emergency

    actor = context.actor
    with _lane(context, "no message was given leave") as session:
        numbers = emergency.renew(session, actor, also_edited=edited)
        left = emergency.edited(session)
    if json:
        return emit({"renewed": numbers, "edited": left})
    say(f"{len(numbers)} pending emergency message(s) have leave again: {', '.join(map(str, numbers)) or 'none'}")
    for number in left:
        say(
            f"post {number} was edited since it had leave: read it (`standfast post show {number}`), then --renew --edited"
        )
    return None


def sweep(suspension: Suspension = None, json: Json = False) -> None:
    """Empty the platforms' own schedulers again: copy, take out, see that it is gone, hold. Needs the right to suspend."""
    with guarded() as context:
        from governance import access

        actor = context.actor
        access.require(context.engine, actor, "suspend", "*", "sweep", "the platforms' own schedulers")
        number = standing(context, suspension)
        found = [*swept(context, number, actor.person)]
        if json:
            return emit([vars(item) for item in found])
        return table(
            ("channel", "found", "taken out", "what is left"),
            [(i.channel, i.found, i.gone, i.trouble or "empty") for i in found],
        )


def swept(context: Context, suspension: int, by: str) -> Iterator[Swept]:
    """What became of each covered channel's own scheduler, one after another."""
    from crisis.sweep import Sweeper
    from scheduler import restore, stop_ledger, windows
    from scheduler.account import ConnectorPool
    from store.engine import cursor, dialect, reading, writing

    why = windows.begin_due(context.essential)
    with reading(context.engine) as session:
        older = stop_ledger.why_older(cursor(session), dialect(session), context.essential) is not None
    if why is not None and not older:  # what cannot write within seconds can keep no copy of what it would take out
        raise UserError(f"{why}; nothing was swept: repeat the command")
    with writing(context.engine) as session:
        restore.leave_room(session, context.essential)
    with closing(ConnectorPool(context.engine)) as pool:
        own = Sweeper(context.engine, pool, by, int(context.settings.lateness * 1_000_000), older_copy=older)
        yield from own.run(suspension, min(SWEEP_S, context.settings.send_deadline))


def standing(context: Context, wanted: int | None) -> int:
    """The suspension meant: the only one in force, or the one named."""
    from scheduler import exercise, resumption
    from store.engine import cursor, dialect, reading

    with reading(context.engine) as session:
        standing = resumption.active(cursor(session), dialect(session))
    found = [item.id for item in standing if item.has_come and item.kind != exercise.DRILL]
    if wanted in found:
        return wanted
    if wanted is not None or not found:
        raise UserError("nothing real that fits is suspended: see `standfast crisis status`")
    if len(found) > 1:
        raise UserError(f"several stand ({', '.join(map(str, found))}): name one with --suspension")
    return found[0]


def after_stop(told: Receipt, *, sweep: bool, cut: bool = False) -> None:
    """Tell people and sweep after a stop that was told already: whatever goes wrong here is a line, and changes nothing
    about the stop. Both at once: nobody hears later because a platform hangs, and nothing goes out there meanwhile."""
    from commands.telling import Telling

    with closing(Context()) as context:
        telling = Telling(context, told.suspension)
        if told.kind == COMPROMISE and not cut:
            _tried(lambda: _evidence(told), "no evidence was kept", "look at the accounts by hand")
        if sweep and any(item["look"] for item in told.channels):
            not_swept = "the platforms' own schedulers were not swept"
            _tried(lambda: _sweep(context, told), not_swept, "`standfast crisis sweep`, or by hand")
        telling.report()


def _tried(do: Callable[[], None], what: str, remedy: str) -> None:
    try:
        do()
    except (Exception, KeyboardInterrupt) as error:
        say(f"  warning     {what} ({str(error) or 'interrupted'}): {remedy}")


def _evidence(receipt: Receipt) -> None:
    from commands import cut

    cut.look(receipt.suspension, receipt.by, say)


def _sweep(context: Context, told: Receipt) -> None:
    for item in swept(context, told.suspension, told.by):
        say(f"SWEPT  {item.channel}  {item.found} found, {item.gone} taken out: {item.trouble or 'empty'}")
