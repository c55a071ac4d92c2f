"""The `standfast` command: the stop and the resume themselves, and the other command groups, loaded when they are asked for.

`crisis` is never interactive. What it loads before the word SUSPENDED is the standard library, Typer and the database's own
driver; a test looks at ``sys.modules``.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json as json_format
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

LAZY = {
    "init": ("commands.init", "Set up a city here: settings, store, first person."),
    "doctor": ("commands.doctor", "Say what is wrong or missing, and the remedy."),
    "daemon": ("commands.daemon", "Publish what is due, until told to end."),
    "stop-page": ("commands.stop_page:stop_page", "Serve the page that stops everything from a phone."),
    "demo": ("commands.demo", "See it work: a city's weeks in under a minute."),
    "post": ("commands.post", "Posts: add, list, show, edit, cancel, hold, release, reschedule, close."),
    "calendar": ("commands.calendar", "Content calendars: check, sync, list."),
    "policy": ("commands.policy", "Content checks: test, explain, check."),
    "channel": ("commands.channel", "Channels: add, list, test."),
    "alert": ("commands.alert", "Alerts (CAP 1.2): read, list, show, dismiss."),
    "people": ("commands.people", "People, their roles and tokens."),
    "moderation": ("commands.moderation", "What was hidden, deleted, blocked or muted: add, list, export, undo."),
    "records": ("commands.records", "Records: the log, verification, search, packages, retention."),
    "login": ("commands.sign_in:login", "Sign in with a token."),
    "logout": ("commands.sign_in:logout", "Forget the token kept for this city."),
    "whoami": ("commands.sign_in:whoami", "Say who is signed in and what they may do."),
}
"""Command → (module of its Typer app or function, help): imported only when the command is run."""

LAZY_CRISIS = {
    "post": ("commands.crisis:post", "Send an emergency message past the closed gate."),
    "drill": ("commands.drill:drill", "Practise the stop: simulated, or live as an exercise."),
    "sweep": ("commands.crisis:sweep", "Empty the platforms' own schedulers again."),
    "report": ("commands.report:report", "The after-action report, as Markdown or PDF."),
    "action": ("commands.action", "Corrective actions: add, list, done."),
    "ack": ("commands.notices:ack", "Say that you know of a suspension."),
    "notices": ("commands.notices:notices", "Who was told of a stop, and who has acknowledged."),
    "checklist": ("commands.checklist:checklist", "What the plan has people do, phase by phase, and what is done."),
}
"""The same for what `crisis` has beside the stop itself."""


class LazyGroup(TyperGroup):
    """The command groups by name, each imported when it is asked for."""

    lazy = LAZY

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *self.lazy]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in self.lazy:
            return found
        target, summary = self.lazy[cmd_name]
        if len(sys.argv) < 2 or ("--help" in sys.argv and cmd_name not in sys.argv):  # only listed
            return _stub(cmd_name, summary)
        return _load(cmd_name, target)


class LazyCrisis(LazyGroup):
    """`crisis`, whose sub-commands must not delay the stop."""

    lazy = LAZY_CRISIS


def _stub(name: str, summary: str) -> Any:
    """A stand-in for the list of commands, so that `standfast --help` imports none of them."""
    own = typer.Typer(help=summary)

    @own.command(name, help=summary)
    def listed() -> None:
        """Only ever listed."""

    return typer.main.get_command(own)


def _load(name: str, target: str) -> Any:
    module, _, function = target.partition(":")
    loaded = importlib.import_module(module)
    if not function:
        loaded.app._add_completion = False
        command = typer.main.get_command(loaded.app)
    else:
        own = typer.Typer(add_completion=False)
        own.command(name)(getattr(loaded, function))
        command = typer.main.get_command(own)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
crisis = typer.Typer(
    cls=LazyCrisis, invoke_without_command=True, rich_markup_mode=None, help="Suspend all prescheduled posts, now."
)
app.add_typer(crisis, name="crisis")

NOT_RECORDED = 20
"""`crisis` ends so when nobody knows whether it is recorded, also when nothing of it could be loaded."""
VALUED = frozenset({"--reason", "--scope", "--kind", "--starts", "--code"})
"""Options of `crisis` that take a value; a test compares them with the command's own."""
READING = frozenset({"status", *LAZY_CRISIS})
"""Sub-commands of `crisis` that stop nothing."""
KEPT = frozenset("\n\u200c\u200d")
"""Not printable, yet no danger to a terminal: line breaks, and what joins letters and emoji."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
ScopeOption = Annotated[str, typer.Option("--scope", help="all, channel:NAME or group:NAME.")]


@app.callback()
def standfast(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Publish a city's prescheduled posts on time, and stop all of them at one command."""
    if version:
        _print(_version())
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        _print(ctx.get_help())


def _version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("standfast")
    except importlib.metadata.PackageNotFoundError:
        return "a checkout that is not installed"


@crisis.callback(invoke_without_command=True)
def stop(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; never needed.")] = "",
    scope: ScopeOption = "all",
    kind: Annotated[str, typer.Option("--kind", help="crisis, compromise, planned or drill.")] = "crisis",
    starts: Annotated[str, typer.Option("--starts", help="When a planned one begins, in the city's time.")] = "",
    code: Annotated[str, typer.Option("--code", help="A sealed one-time code, in place of a sign-in.")] = "",
    cut: Annotated[
        bool, typer.Option("--cut", help="Harder: also end this host's senders and revoke the tokens.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for quiet.")] = False,
    json: Json = False,
) -> None:
    """Suspend all prescheduled posts, now. Needs no reason, no plan, no network and no running daemon.

    Exit codes: 0 suspended and quiet; 1 refused; 2 wrong usage; 10 suspended, not confirmed quiet; 20 not recorded.
    """
    asked = [reason, starts, code, cut, no_wait, scope != "all", kind not in ("crisis", "drill")]
    if ctx.invoked_subcommand is not None:
        if any(asked):
            _end(
                f"{ctx.invoked_subcommand!r} is a command of its own: quote the reason; NOTHING IS SUSPENDED by this", 2
            )
        return
    if kind == "drill":
        if any((starts, code, cut, no_wait)):
            _end("--kind drill takes --reason and --scope alone; NOTHING IS SUSPENDED", 2)
        _drill(scope, reason, json)
    _end_as(_stopped(_plain(scope), _plain(reason), _plain(kind), _plain(starts), code, cut, not no_wait), json, cut)


def _stopped(scope: str, reason: str, kind: str, starts: str, code: str, cut: bool, wait: bool) -> Any:
    """What came of the stop; a refusal and wrong usage end the command."""
    from commands import stop_options
    from config import essentials
    from governance.authority import Refusal
    from scheduler import emergency_stop, killswitch

    try:
        request = stop_options.request(scope, reason, kind, starts, code, wait=wait)
        harder = stop_options.harder(kind) if cut else None
        loaded = essentials.merged(secrets=False)
        own = emergency_stop.EmergencyStop(essentials.load(loaded=loaded), loaded.environ, _say, harder)
        return own.run(request)
    except killswitch.SwitchError as error:
        _end(f"{error}; NOTHING IS SUSPENDED", emergency_stop.USAGE)
    except Refusal as refusal:
        _end(str(refusal), emergency_stop.REFUSED)
    except (Exception, KeyboardInterrupt) as error:  # code 1 would say that nothing is suspended
        _end(_not_known(error), NOT_RECORDED)


def _end_as(answer: Any, json: bool, cut: bool) -> NoReturn:
    from config import local_time

    _say(local_time.for_people(answer.words))
    if json:
        _emit(answer.as_json())
    if answer.receipt is not None and answer.receipt.kind != "drill":
        _afterwards(answer.receipt, sweep=answer.waited, cut=cut)
    raise typer.Exit(answer.code)


def _afterwards(told: Any, sweep: bool, cut: bool) -> None:
    """What follows a stop that was told: nothing that happens here may look as if it did not stand."""
    try:
        from commands import crisis as commands_of_crisis

        commands_of_crisis.after_stop(told, sweep=sweep, cut=cut)
    except (Exception, KeyboardInterrupt) as error:
        _say(
            f"  warning     the stop stands; what follows it was not done ({' '.join(str(error).split())}): see the checklist"
        )


def _drill(scope: str, reason: str, json: bool) -> NoReturn:
    """An exercise is never in a hurry: it goes its own way, with all that a drill asks first."""
    from commands import drill

    drill.drill(live=True, scope=scope, reason=reason, json=json)
    raise typer.Exit


def _not_known(error: BaseException) -> str:
    return (
        f"NOT KNOWN whether it is recorded ({type(error).__name__}: {' '.join(str(error).split())}): look with "
        "`standfast crisis status`, and where it is not, stop the daemon by hand (`systemctl stop standfast`)"
    )


@crisis.command("status")
def status(
    wait: Annotated[bool, typer.Option("--wait", help="Wait for quiet.")] = False,
    json: Json = False,
) -> None:
    """Say what is suspended, since when, by whom, why, and what is unconfirmed. Exit code 0 when open or quiet, else 10."""
    from commands import answers
    from config import essentials, local_time
    from scheduler.status import Status

    code, data, words = Status(essentials.load(), answers.people).run(wait=wait)
    _emit(data) if json else _print(_visible(local_time.for_people(words)))
    raise typer.Exit(code)


@app.command()
def resume(
    reason: Annotated[str, typer.Option(help="Why it is clear to resume.")],
    scope: Annotated[str | None, typer.Option("--scope", help="all, channel:NAME or group:NAME.")] = None,
    suspension: Annotated[int | None, typer.Option(min=1, help="Which one, when several are active.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Resume channel:NAME or group:NAME first; may be repeated.")
    ] = None,
    confirm: Annotated[str | None, typer.Option("--confirm", help="The code from step one: lifts.")] = None,
    announce: Annotated[str | None, typer.Option("--announce", help="Queue this post after the lift.")] = None,
    announce_statement: Annotated[
        str | None, typer.Option("--announce-statement", help="Queue this statement of the plan after it.")
    ] = None,
    announce_on: Annotated[
        list[str] | None, typer.Option("--announce-on", help="On this channel, or all; may be repeated.")
    ] = None,
    fill: Annotated[
        list[str] | None, typer.Option("--fill", help="Fill a blank of the statement: BLANK=WORDS.")
    ] = None,
    json: Json = False,
) -> None:
    """Lift a suspension in two steps: show what will happen and get a code, then `--confirm CODE`. Needs a signed-in person."""
    from commands import announcing, resuming
    from config import essentials, settings
    from config.fault import Fault
    from scheduler import resumption

    try:
        settings.load()
    except settings.SettingsError as error:  # a rule misspelled is a rule unread: nothing is lifted by it
        _end(f"{error}; NOT LIFTED", 1)
    parts = [_plain(item) for item in only or ()]
    wish = resuming.Wish(_plain(reason), scope and _plain(scope), suspension, parts, confirm)
    post = announcing.Wish(announce, announce_statement, announce_on or (), fill or ())
    own = resumption.Resumption(essentials.load(), essentials.merged().environ)
    try:
        _told(*resuming.run(own, wish, post), json)
    except Fault as error:
        _end(str(error), 1)
    finally:
        own.close()


def _told(data: dict[str, Any], lines: Iterable[str], json: bool) -> None:
    from config import local_time

    if json:
        _emit(data)
    for line in lines:
        _say(local_time.for_people(line))


def _plain(text: str) -> str:
    """`text` without what neither database nor terminal can keep; a stop never fails for its reason's characters."""
    return "".join(char if char.isprintable() else " " for char in text)[:2000]


def _say(text: str) -> None:
    """Words for people, on stderr, in any encoding; a reader that went away must not end a stop half-way."""
    _write("stderr", _visible(text))


def _visible(text: str) -> str:
    """`text` with every character spelled out that could move a terminal's cursor or turn its line."""
    return "".join(char if char.isprintable() or char in KEPT else ascii(char)[1:-1] for char in text)


def _emit(data: Any) -> None:
    _print(json_format.dumps(data, indent=2, default=str))


def _print(text: str) -> None:
    """A line on stdout. Where it cannot be written that is said, and the exit code stays what the switch makes it."""
    if not _write("stdout", text):
        _say("standfast: warning: standard output cannot be written; the exit code holds all the same")


def _write(name: str, text: str) -> bool:
    """True when ``sys.stdout`` or ``sys.stderr`` took the line; it is None where the caller closed it."""
    stream: Any = getattr(sys, name)
    if stream is None:
        return False
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except (OSError, ValueError, LookupError):  # it is gone, closed, or in an encoding that cannot be written
        # Else the interpreter tries again at its end, and exits with 120.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


def _end(message: str, code: int) -> NoReturn:
    _Told.end = True
    _say(f"standfast: {message}")
    raise typer.Exit(code)


class _Told:
    end = False
    """True once the command itself has said how it ended."""


def _say_of_usage(arguments: list[str]) -> None:
    """After a mistake in the command line, what it did not do: the first thing to know at 2 a.m."""
    if _Told.end or not arguments:
        return
    if _is_stop(arguments):
        _say("standfast: NOTHING IS SUSPENDED by this: type `standfast crisis` alone; quote a reason of several words")
    elif arguments[0] == "resume":
        _say("standfast: NOT LIFTED")


def _is_stop(arguments: list[str]) -> bool:
    """True for `crisis` whose first word is no sub-command; an option or its value is no word."""
    pairs = itertools.pairwise(arguments)
    words = (word for before, word in pairs if not word.startswith("-") and before not in VALUED)
    return arguments[:1] == ["crisis"] and next(words, "") not in READING


def main() -> None:
    """Run the command; a fault that nobody foresaw is one line, too."""
    try:
        app()
    except SystemExit as end:
        if end.code == 2:
            _say_of_usage(sys.argv[1:])
        raise
    except Exception as error:
        if os.environ.get("STANDFAST_DEBUG"):
            raise
        if _is_stop(sys.argv[1:]):  # code 1 would say that somebody was refused
            _say(f"standfast: {_not_known(error)}")
            sys.exit(NOT_RECORDED)
        _say(f"standfast: {type(error).__name__}: {error}: this is a bug; STANDFAST_DEBUG=1 shows the traceback")
        sys.exit(1)


if __name__ == "__main__":
    main()
