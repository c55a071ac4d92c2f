"""The demo's story: set up, publish, crisis, silence, resume, publish again, and the sum of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

from calendars import reader, zones
from calendars.entry import Calendar
from commands import demo_evidence
from commands.demo_city import POLL_S, SPEED, DemoCity, DemoFault, Said, example_city, reserved_port, words
from commands.demo_evidence import Evidence, Facts, Row, View
from commands.demo_screen import LiveScreen, Screen
from config import clock
from config.clock import RehearsalClock
from sandbox import client
from store.engine import open_engine

STEWARD, DIRECTOR, OPERATOR = "steward", "maya.chen", "joel.brandt"
NAMES = {STEWARD: "Demo Steward", DIRECTOR: "Maya Chen", OPERATOR: "Joel Brandt"}
DAY_US = 86_400 * clock.SECOND
LEAD_US = 2 * DAY_US
"""The city's time before its first post: the daemon starts meanwhile."""
BEFORE_CRISIS_US = 10 * DAY_US
"""From the first post to the crisis."""
SILENCE_S, SILENT_POSTS = 3.5, 6
"""How long the silence is shown at least, and how many posts shall have fallen due in it."""
AGAIN = 5
"""Posts of the calendars that shall go out after the resume before the demo ends."""
PATIENCE_S = 90.0
"""Longest wait for anything, on a busy machine."""
SHOW_S = 0.15
"""Time between two looks while a command runs."""
MOST_RELEASED = 8
SUMMARY = "summary.json"


class Story:
    """One demo in the folder `root`, told on `screen`."""

    def __init__(self, root: Path, screen: Screen) -> None:
        self.root, self.screen = root, screen
        self.city = DemoCity(root, RehearsalClock(0, clock.boot_ns(), 1.0))
        self.facts = Facts()
        self.state, self.shut = "", False
        self.began = self.looked = clock.boot_s()
        self.evidence: Evidence | None = None
        self.box: client.Client

    def run(self) -> list[str]:
        """What was wrong, one line each; nothing when all of it went as it must."""
        with ExitStack() as stack:
            stack.callback(self.city.close)
            try:
                self._set_up(stack)
                self._publish_for_a_while()
                self._crisis()
                self._silence()
                self._resume()
                self._publish_again()
                return self._end()
            except (DemoFault, client.SandboxError) as fault:
                return [str(fault)]

    # --- one: set up -------------------------------------------------------------------------------------------------

    def _set_up(self, stack: ExitStack) -> None:
        example = example_city()
        calendars = _read(example / "calendars")
        first = min((zones.resolve(e.local, e.zone) for c in calendars for e in c.entries), key=lambda o: o.at_us)
        self.screen.zone, self.facts.entries = first.zone, sum(len(c.entries) for c in calendars)
        self.screen.act(
            f"1  The City of {example.name.title()} sets up (an invented city; nothing leaves this machine)"
        )
        self.city.furnish(example, first.zone)
        self.city.set_pace(first.at_us - LEAD_US - 300 * clock.SECOND, 1.0)
        port = stack.enter_context(reserved_port())
        self.city.point_channels(f"http://127.0.0.1:{port}")
        self.screen.platforms = {name: body["platform"] for name, body in self.city.channels.items()}
        self._first_commands(calendars)
        # From here on a day passes in a second, for every process.
        self.city.set_pace(first.at_us - LEAD_US, SPEED)
        variable = {clock.REHEARSAL_VARIABLE: self.city.clock.variable()}
        self.box = stack.enter_context(client.start(self.root / "arrivals.jsonl", port=port, environment=variable))
        self._open_evidence(stack)
        stack.callback(self.city.close)  # the daemon ends before the platforms do
        self._start_daemon()

    def _first_commands(self, calendars: list[Calendar]) -> None:
        self._do("init", "--person", STEWARD, "--name", NAMES[STEWARD])
        self._do("channel", "add", "--file", "channels.toml")
        self._people(calendars)
        self._do("calendar", "check")
        said = self._do("calendar", "sync", "--json", person=OPERATOR)
        posts = sum(file["counts"]["add"] for file in said.data["files"])
        files = len(said.data["files"])
        self.screen.note(
            f"{files} calendars, {self.facts.entries} entries: {posts} posts on {len(self.city.channels)} channels"
        )
        self._do("post", "edit", "--state", "scheduled", "--lateness", "10d", "--json", person=OPERATOR)
        self.screen.note("(a day will pass in a second here: a post may be late by days that are seconds to us)")

    def _people(self, calendars: list[Calendar]) -> None:
        """One administrator per owner of a calendar, the director and the operator; two at a time, to save time."""
        jobs = [(owner, "administrator", _only(channels)) for owner, channels in _owners(calendars).items()]
        jobs += [(DIRECTOR, "director", None), (OPERATOR, "operator", None)]
        with ThreadPoolExecutor(2) as pool:
            try:
                for done in [pool.submit(self._person, *job) for job in jobs]:
                    done.result()
            except BaseException:
                self.city.close()
                raise

    def _person(self, person: str, role: str, channel: str | None) -> None:
        name = NAMES.get(person) or person.replace(".", " ").title()
        self._do("people", "add", person, "--name", name)
        self._do("people", "grant", person, role, *(() if channel is None else ("--channel", channel)))
        if role in ("director", "operator"):
            self.city.tokens[person] = self._do("people", "token", person, "--label", "demo", "--json").data["token"]

    def _open_evidence(self, stack: ExitStack) -> None:
        engine = open_engine(f"sqlite:///{self.root / 'data' / 'standfast.db'}")
        stack.callback(engine.dispose)
        self.evidence = Evidence(engine, self.box.log, self.city.accounts, self.city.outboxes)

    def _start_daemon(self) -> None:
        self.screen.command("standfast daemon")
        self.city.start_daemon()
        self._until("the daemon to be ready", lambda _: self.city.daemon_is_ready())

    # --- two: publish ------------------------------------------------------------------------------------------------

    def _publish_for_a_while(self) -> None:
        self.screen.act(
            "2  Posts go out at their times, a day in each second: X through tweepy, Facebook through facebook-sdk"
        )
        self.state = "PUBLISHING"
        moment = self.city.clock.start_us + LEAD_US + BEFORE_CRISIS_US
        self._until("two weeks of posts", lambda view: view.now_us > moment and len(view.out()) > 0)

    # --- three: crisis -----------------------------------------------------------------------------------------------

    def _crisis(self) -> None:
        self.screen.act("3  A tornado warning. The director stops everything while a call is under way")
        # The platform takes this post at once and answers late: at the stop, its call is in flight.
        self.box.fault("delay", seconds=min(8.0, max(2.0, 2 * self.city.last_s)))
        self._until("a call under way", lambda view: any(item.fault == "delay" for item in view.sent))
        self.state, self.shut = "SUSPENDING", True
        reason = "Tornado warning until 18:00"
        said = self._do("crisis", "--reason", reason, "--json", person=DIRECTOR, codes=(0, 10))
        self.screen.answer(said.err)
        self.facts.receipt = said.data
        self.facts.suspended_us, _ = self._ledger()
        posts = self._view().posts
        self.facts.waiting = frozenset(post.id for post in posts if post.state == "scheduled")
        self.facts.caught = frozenset(post.id for post in posts if post.state == "held")
        if said.code != 0:
            raise DemoFault("the crisis was recorded, but quiet was not confirmed: see the receipt above")

    def _ledger(self) -> tuple[int, int | None]:
        assert self.evidence is not None
        return self.evidence.suspension(self.facts.receipt["suspension"])

    # --- four: silence -----------------------------------------------------------------------------------------------

    def _silence(self) -> None:
        self.screen.act("4  Silence, while posts fall due")
        quiet = clock.boot_s()

        def enough(view: View) -> bool:
            return clock.boot_s() - quiet >= SILENCE_S and len(view.fell_due(self.facts)) >= SILENT_POSTS

        self._until("posts to fall due in the silence", enough)
        view = self._view()
        due, out = len(view.fell_due(self.facts)), len(view.in_silence(self.facts))
        self.screen.note(f"{due} posts fell due; by the platforms' own log, {out} went out")

    # --- five: resume ------------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        self.screen.act(
            "5  All clear. The operator resumes in two steps, and decides about every post whose time has passed"
        )
        offer = self._do("resume", "--reason", "Warning expired", "--json", person=OPERATOR)
        self.screen.answer(offer.err, 12)
        code, reason = offer.data["code"], "Warning expired, desk staffed"
        said = self._do("resume", "--confirm", code, "--reason", reason, "--json", person=OPERATOR)
        self.screen.answer(said.err)
        _, self.facts.lifted_us = self._ledger()
        self.state, self.shut = "PUBLISHING AGAIN", False
        view = self._view()
        held = [post for post in view.posts if post.state == "held"]
        due = view.fell_due(self.facts)
        self.facts.fell_due, self.facts.held = len(due), len(held)
        if {post.id for post in held} != due | self.facts.caught or said.data["held"] != len(due):
            told = f"the resume said {said.data['held']} are held, the store has {len(held)}"
            raise DemoFault(f"{len(due)} posts fell due in the silence and {len(self.facts.caught)} before, but {told}")
        self.screen.answer(self._do("post", "list", "--state", "held", "--limit", "12", person=OPERATOR).out, 14)
        self._decide(held)

    def _decide(self, held: list[Row]) -> None:
        """Cancel the first, give the second a new time, release one of each series of the next, leave the rest."""
        if len(held) < 3:
            raise DemoFault(f"only {len(held)} posts are held after the silence")
        series: dict[tuple[str, str | None, str | None], int] = {}
        for post in held[2:]:
            series.setdefault((post.channel, post.file, post.entry), post.id)
        self.facts.cancelled, self.facts.rescheduled = (held[0].id,), (held[1].id,)
        self.facts.released = tuple(series.values())[:MOST_RELEASED]
        self._verb("release", *map(str, self.facts.released))
        self._reschedule(held[1].id)
        self._verb("cancel", str(held[0].id))

    def _reschedule(self, post: int) -> None:
        """Give `post` a time so far ahead that the command ends before it, and a later one where it did not."""
        for longer in (3.0, 10.0):
            ahead = int(max(2.5, longer * self.city.last_s) * SPEED) * clock.SECOND
            at = zones.local_of(self.city.clock.wall_us() + ahead, self.screen.zone).replace("T", " ")[:16]
            said = self._do("post", "reschedule", str(post), "--at", at, person=OPERATOR, codes=(0, 1))
            self.screen.answer(said.out + said.err)
            if said.code == 0:
                return
        raise DemoFault(f"post {post} could not be rescheduled: this machine is too busy; try again")

    def _verb(self, *arguments: str) -> None:
        self.screen.answer(self._do("post", *arguments, person=OPERATOR).out)

    # --- six: publish again, and the sum of it -----------------------------------------------------------------------

    def _publish_again(self) -> None:
        self.screen.act("6  Posts go out again: those that were let go, and the calendars' own")
        chosen = {*self.facts.released, *self.facts.rescheduled}

        def done(view: View) -> bool:
            if any(view.post(number).state != "published" for number in chosen):
                return False
            lifted = self.facts.lifted_us or 0
            others = sum(
                lifted < post.due_at and post.id not in chosen for post in view.posts if post.state == "published"
            )
            return others >= AGAIN or not any(post.state == "scheduled" for post in view.posts)

        self._until("the released posts and the next ones to go out", done)

    def _end(self) -> list[str]:
        self.facts.ended_us = self.city.clock.wall_us()
        code = self.city.end_daemon(PATIENCE_S)
        view = self._view()
        self._show(view)
        if isinstance(self.screen, LiveScreen):
            self.screen.close()
        self.screen.act("7  The sum, by the platforms' own log and the store")
        faults = [] if code == 0 else [f"the daemon ended with exit code {code} at SIGTERM"]
        said = self._do("records", "verify", "--json", codes=(0, 1))
        self.screen.answer(said.err)
        verified = said.data
        self.facts.chain = verified["entries"]
        if not verified["ok"]:
            faults.append(f"the log is broken at entry {verified['first_bad']}: {verified['reason']}")
        faults += demo_evidence.faults(view, self.facts)
        self._sum(view, faults)
        return faults

    def _sum(self, view: View, faults: list[str]) -> None:
        figures = self._figures(view)
        rows = [(name, n["log"], n["store"], n["held"], n["scheduled"]) for name, n in figures["channels"].items()]
        rows.append(("together", *(sum(row[column] for row in rows) for column in range(1, 5))))
        self.screen.table(("channel", "sent by the log", "by the store", "held", "still to come"), rows)
        words_of = {name: value for name, value in figures.items() if name != "channels"}
        self.screen.table(("", ""), [(name.replace("_", " "), value) for name, value in words_of.items()])
        (self.root / SUMMARY).write_text(json.dumps({**figures, "faults": faults}, indent=2), encoding="utf-8")
        if not faults:
            self.screen.note("everything as it must be", "bold green")

    def _figures(self, view: View) -> dict[str, Any]:
        facts = self.facts
        channels = {
            name: {
                "log": len(view.out(name)),
                "store": (counts := view.counts(name))["published"],
                "held": counts["held"],
                "scheduled": counts["scheduled"],
            }
            for name in self.city.channels
        }
        return {
            "calendar_entries": facts.entries,
            "posts": len(view.posts),
            "in_flight_at_the_stop": len(facts.receipt["in_flight"]),
            "caught_by_the_stop": len(facts.caught),
            "fell_due_in_the_silence": facts.fell_due,
            "went_out_in_the_silence": len(view.in_silence(facts)),
            "held_at_the_resume": facts.held,
            "released": len(facts.released),
            "rescheduled": len(facts.rescheduled),
            "cancelled": len(facts.cancelled),
            "went_out_twice": demo_evidence.doubles(view),
            "log_entries_verified": facts.chain,
            "days_of_the_city": round((view.now_us - self.city.clock.start_us) / DAY_US),
            "seconds": round(clock.boot_s() - self.began),
            "channels": channels,
        }

    # --- looking and waiting -----------------------------------------------------------------------------------------

    def _view(self) -> View:
        assert self.evidence is not None
        self.looked = clock.boot_s()
        return self.evidence.view(self.city.clock.wall_us())

    def _look(self) -> View:
        """How things stand, shown. Raises DemoFault when the daemon died."""
        view = self._view()
        self._show(view)
        self.city.check_daemon()
        return view

    def _show(self, view: View) -> None:
        state = self.state or "STARTING"
        if self.facts.suspended_us is not None and self.shut:
            due, out = len(view.fell_due(self.facts)), len(view.in_silence(self.facts))
            state = f"SUSPENDED: {due} posts fell due, {out} went out"
        self.screen.show(view, state, shut=self.shut)

    def _watch(self) -> None:
        """What is done while a command runs."""
        if clock.boot_s() - self.looked < SHOW_S:
            return
        if self.city.daemon is not None and self.city.daemon.poll() is None and self.evidence is not None:
            self._show(self._view())

    def _until(self, what: str, done: Callable[[View], bool]) -> None:
        limit = clock.boot_s() + PATIENCE_S
        while not done(self._look()):
            if clock.boot_s() > limit:
                raise DemoFault(
                    f"waited {PATIENCE_S:g} s in vain for {what}; `--keep DIR` keeps the files to look into"
                )
            Event().wait(3 * POLL_S)

    def _do(self, *arguments: str, person: str | None = None, codes: tuple[int, ...] = (0,)) -> Said:
        shown = tuple(item for item in arguments if item != "--json")
        self.screen.command(words(shown), NAMES.get(person or "", ""))
        return self.city.run(*arguments, person=person, meanwhile=self._watch, codes=codes)


def _read(folder: Path) -> list[Calendar]:
    """The example's calendars. Raises DemoFault for the first mistake."""
    found = []
    for path, calendar, faults in reader.read_folder(folder, default_zone="UTC"):
        if calendar is None:
            raise DemoFault(f"the example cannot be read: {faults[0] if faults else path}")
        found.append(calendar)
    return found


def _owners(calendars: list[Calendar]) -> dict[str, set[str]]:
    """Owner → the channels of their calendars."""
    found: dict[str, set[str]] = {}
    for calendar in calendars:
        found.setdefault(calendar.owner, set()).update(*(entry.channels for entry in calendar.entries))
    return found


def _only(channels: set[str]) -> str | None:
    """The one channel, or None (all of them) when there are several."""
    return next(iter(channels)) if len(channels) == 1 else None
