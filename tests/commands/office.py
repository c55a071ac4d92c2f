"""A city with a steward signed in, and the commands run on it in this process."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from commands import action as action_commands
from commands import alert as alert_commands
from commands import calendar as calendar_commands
from commands import channel as channel_commands
from commands import checklist as checklist_commands
from commands import crisis as crisis_commands
from commands import drill as drill_commands
from commands import moderation as moderation_commands
from commands import notices as notice_commands
from commands import people as people_commands
from commands import policy as policy_commands
from commands import post as post_commands
from commands import records as records_commands
from commands import report as report_commands
from commands import sign_in
from governance import people
from store.engine import reading, writing
from store.tables import Channel
from tests.support.city import City

TABLES = ("person", "role_grant", "token", "chain_head", "log_entry")

app = typer.Typer()
app.add_typer(people_commands.app, name="people")
app.add_typer(records_commands.app, name="records")
app.add_typer(post_commands.app, name="post")
app.add_typer(channel_commands.app, name="channel")
app.add_typer(calendar_commands.app, name="calendar")
app.add_typer(alert_commands.app, name="alert")
app.add_typer(policy_commands.app, name="policy")
app.add_typer(moderation_commands.app, name="moderation")
crisis = typer.Typer()
crisis.command()(crisis_commands.post)
crisis.command()(crisis_commands.sweep)
crisis.command()(drill_commands.drill)
crisis.command()(report_commands.report)
crisis.add_typer(action_commands.app, name="action")
crisis.command()(checklist_commands.checklist)
crisis.command()(notice_commands.ack)
crisis.command()(notice_commands.notices)
app.add_typer(crisis, name="crisis")
for function in (sign_in.login, sign_in.logout, sign_in.whoami):
    app.command()(function)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, repr=False)
class Office:
    """The city, an engine on its store, and the steward's token (in the environment)."""

    city: City
    engine: Engine
    token: str

    def run(self, *arguments: str, stdin: str | None = None, **environ: str | None) -> Said:
        """What ``standfast ARGUMENTS`` says; no traceback, ever."""
        result = CliRunner().invoke(app, arguments, input=stdin, env=environ)
        said = Said(result.exit_code, result.stdout, result.stderr)
        assert "Traceback" not in said.out + said.err
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return said

    def fails(self, *arguments: str, **rest: Any) -> str:
        """The one line of a command that ends with exit code 1."""
        said = self.run(*arguments, **rest)
        assert said.code == 1, said
        assert said.out == ""
        assert said.err.startswith("standfast: ")
        assert len(said.err.splitlines()) == 1
        return said.err.strip()

    def rows(self, *tables: str) -> dict[str, list[Any]]:
        """Every row of the tables of people and log (or of `tables`)."""
        with reading(self.engine) as session:
            at = session.connection()
            return {name: list(at.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in tables or TABLES}


def opened(city: City, engine: Engine) -> Office:
    """An office in the empty store of `city`."""
    with writing(engine) as session:
        token = people.bootstrap(session, "ana", "Ana Ruiz")
        session.add(Channel(name="parks", platform="outbox", created_at=1))
    os.environ["STANDFAST_TOKEN"] = token
    return Office(city, engine, token)
