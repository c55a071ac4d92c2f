"""Every command and every argument of `standfast`, as Typer itself knows them: a new one is found without being named here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import typer

import cli

NOT_RUN_HERE = {("daemon",), ("demo",)}
"""Commands that only end when told to, or show a whole city at work; their own tests run them as processes."""
LINES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("init",): (),
    ("crisis",): ("--no-wait",),
    ("crisis", "checklist"): ("--tick", "stop", "--suspension", "1"),
    ("resume",): ("--reason", "all clear"),
    ("crisis", "report"): (),
    ("crisis", "action", "add"): ("Drill again.", "--owner", "bo", "--by", "2190-12-31"),
    ("crisis", "action", "done"): ("1",),
    ("post", "add"): ("--channel", "parks", "--at", "2190-12-01 09:00", "--text", "The pool opens."),
    ("post", "edit"): ("1", "--text", "The pool is closed."),
    ("post", "cancel"): ("1",),
    ("post", "hold"): ("1",),
    ("post", "release"): ("2",),
    ("post", "reschedule"): ("1", "--at", "2190-12-02 09:00"),
    ("post", "close"): ("3", "--not-published"),
    ("post", "submit"): ("1", "--attest"),
    ("post", "show"): ("1",),
    ("policy", "check"): ("The pool opens.",),
    ("policy", "explain"): ("ssn",),
    ("channel", "add"): ("lib", "--platform", "outbox"),
    ("channel", "test"): ("parks",),
    ("channel", "request"): ("parks", "--department", "Parks"),
    ("channel", "platform"): ("outbox", "--status", "approved", "--reason", "tried", "--source", "memo 1"),
    ("channel", "tool"): ("standfast", "--status", "approved", "--reason", "tried", "--source", "memo 1"),
    ("channel", "suspend"): ("parks", "--reason", "a look"),
    ("channel", "show"): ("parks",),
    ("records", "intake"): ("mail.eml", "--from-person", "ana", "--account", "@ana", "--reason", "a question"),
    ("records", "inbound", "mark"): ("1", "--media-inquiry"),
    ("records", "inbound", "show"): ("1",),
    ("records", "inbound", "forward"): ("1",),
    ("people", "add"): ("new", "--name", "New One"),
    ("people", "grant"): ("bo", "operator"),
    ("people", "revoke"): ("bo", "administrator"),
    ("people", "token"): ("bo",),
    ("people", "employ"): ("bo", "--department", "Parks"),
    ("people", "train"): ("bo", "first-aid", "--completed", "2020-01-01", "--until", "2190-12-31"),
    ("people", "designate"): ("bo", "--as", "director", "--department", "Parks", "--document", "file 1"),
    ("people", "delegate"): ("ana", "--to", "bo", "--until", "2190-12-31"),
    ("people", "leave"): ("bo",),
    ("people", "revoke-token"): ("0123456789ab",),
}
"""A line that each command obeys in the prepared city, so that a strange value is met far inside, not at the door."""
REPLACES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("post", "add", "--text-file"): ("--text",),
    ("post", "edit", "--text-file"): ("--text",),
    ("post", "close", "--published"): ("--not-published",),
    ("channel", "add", "--file"): ("lib", "--platform"),
    ("post", "edit", "--alt"): (),
    ("policy", "check", "--text-file"): ("The pool opens.",),
    ("records", "intake", "--folder"): ("mail.eml",),
    ("records", "inbound", "mark", "--department"): ("--media-inquiry",),
}
"""Options that exclude others of the line."""
COMPANIONS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("post", "add", "--media"): ("--alt", "The pool at noon."),
    ("post", "edit", "--media"): ("--alt", "The pool at noon."),
    ("post", "add", "--alt"): ("--media", "pool.png"),
    ("post", "edit", "--alt"): ("--media", "pool.png"),
    ("post", "add", "--rights"): ("--media", "pool.png", "--alt", "The pool at noon."),
    ("post", "edit", "--rights"): ("--media", "pool.png", "--alt", "The pool at noon."),
}
"""Options that come only together with another."""
QUERIES = frozenset({"--channel", "--tag", "--file", "--state"})
"""Of the `post` verbs: they stand instead of ids."""


@dataclass(frozen=True)
class Argument:
    """One argument that takes a value: of which command, under which name, and whether that is an option."""

    command: tuple[str, ...]
    name: str
    is_option: bool
    is_number: bool
    position: int

    def __str__(self) -> str:
        return "-".join((*self.command, self.name.lstrip("-")))

    def line(self, value: str, *, glued: bool, marked: bool) -> list[str]:
        """The command line that gives `value` to this argument; `glued`: ``--name=value``; `marked`: after ``--``."""
        if not self.is_option:
            return [*self.command, *self._positional(value, marked)]
        rest = self._without_rivals(self._without(list(LINES.get(self.command, ())), self.name))
        given = [f"{self.name}={value}"] if glued else [self.name, value]
        return [*self.command, *rest, *COMPANIONS.get((*self.command, self.name), ()), *given]

    def _positional(self, value: str, marked: bool) -> list[str]:
        words = list(LINES.get(self.command, ()))
        first_option = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
        positional, options = words[:first_option], words[first_option:]
        positional[self.position : self.position + 1] = [value]
        return [*options, *(["--"] if marked else []), *positional]

    def _without_rivals(self, words: list[str]) -> list[str]:
        for rival in REPLACES.get((*self.command, self.name), ()):
            words = self._without(words, rival)
        if self.command[0] == "post" and self.command[1] not in ("add", "list") and self.name in QUERIES:
            words = [word for word in words if not word.isdecimal()]
        return words

    @staticmethod
    def _without(words: list[str], name: str) -> list[str]:
        if name not in words:
            return words
        at = words.index(name)
        has_value = name.startswith("--") and at + 1 < len(words) and not words[at + 1].startswith("--")
        return words[:at] + words[at + (2 if has_value else 1) :]


def root() -> Any:
    """The whole command, as the program runs it."""
    return typer.main.get_command(cli.app)


def arguments() -> list[Argument]:
    """Every argument of every command that takes a value rather than being a switch."""
    with patch.object(sys, "argv", ["standfast", "command"]):  # the bare list of commands shows stand-ins
        return [item for item in _walk(root(), ()) if item.command not in NOT_RUN_HERE]


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[Argument]:
    position = 0
    for parameter in command.params:
        if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
            continue
        is_option = parameter.param_type_name == "option"
        name = max(parameter.opts, key=len)
        yield Argument(path, name, is_option, "Int" in type(parameter.type).__name__, 0 if is_option else position)
        position += 0 if is_option else 1
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from _walk(command.get_command(None, name), (*path, name))
