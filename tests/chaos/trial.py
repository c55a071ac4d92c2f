"""One seeded trial: workers publish into the sandbox, fall or are felled, crises come, people work and resume; then the judge.

The trial is a process without threads, the parent of all others in it. It keeps no connection to the store open while it forks.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from config import clock, essentials
from governance import people
from sandbox.arrivals import Arrival
from sandbox.client import Client
from store.crisis_tables import Override
from store.engine import StoreError, open_engine, reading
from store.tables import Attempt, Channel, Gate, Post, Suspension, SuspensionInflight
from tests.chaos import acts, backup, desk, lane, oracle, sabotage, stage, store_view, worker
from tests.chaos.crew import STUCK_S, Crew
from tests.chaos.draw import draw
from tests.chaos.episode import ACT, CRISIS, Episode, Hands
from tests.chaos.evidence import Evidence, Verdict
from tests.chaos.family import Child, Family
from tests.chaos.plan import Act, Crisis, Flare, Native, Plan, PlannedPost, Variant
from tests.chaos.points import AMBUSH, AT_FIRST_BYTE, AT_LAST_LOOK
from tests.chaos.worker import Diary, read_diary
from tests.support import city as cities

LATE_S, HELP_EVERY_S, LOOK_S = 45.0, 2.0, 0.3
AMBUSH_WITHIN_S = 12.0
"""A busy machine must not move the crisis before it all."""


@dataclass(frozen=True)
class Bench:
    """What trials share: the sandbox, and which publisher is tried."""

    box: Client
    publisher: str = "standfast"
    stuck_s: float = STUCK_S


class Trial:
    """One run of a plan."""

    def __init__(self, drawn: Plan, url: str, folder: Path, bench: Bench) -> None:
        self.plan, self.folder, self.bench = drawn, folder, bench
        self.url = backup.behind_link(url) if drawn.restore else url
        self.rng = random.Random(f"trial {drawn.seed}")
        self.tag = f"t{drawn.seed}-{os.getpid()}"
        self.memory: mmap.mmap = worker.nothing_shared()
        self.family = Family(folder / "errors.txt", lambda: sabotage.heed(self.memory))
        self.people, self.workers = folder / "people.jsonl", folder / "workers.jsonl"
        self.crew = Crew(drawn, self.family, self.memory, self.workers, bench.publisher)
        self.episodes: list[Episode] = []
        self.queued, self.later_posts = 0, list(drawn.later_posts)
        self.copying: Child | None = None
        self.flared = 0
        self.late = False

    def run(self) -> Verdict:
        """The verdict on this trial."""
        self._set_up()
        try:
            self._play()
            settled = self._settle()
            evidence = self._evidence(settled)
            verdict = oracle.judge(evidence)
            if verdict.violations:
                self._keep(evidence)
            return verdict
        finally:
            self.family.bury()

    # --- the city ----------------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        root = self.folder / "city"
        root.mkdir()
        city = cities.make(root, self.url)
        city.set(**stage.settings(self.plan))
        for name in [name for name in os.environ if name.startswith("STANDFAST_")]:
            del os.environ[name]
        os.environ.update(city.environ)
        os.chdir(city.root)
        desk.persist(open_engine(self.url), self._furnish)
        for fault in self.plan.look_faults:
            account = stage.token(self.plan, str(fault["channel"]))
            self.bench.box.fault(account=account, **{name: value for name, value in fault.items() if name != "channel"})

    def _furnish(self, session: Session) -> None:
        os.environ["STANDFAST_TOKEN"] = people.bootstrap(session, "ana", "Ana")
        people.add_person(session, desk.PERSON, lane.EVE.person, lane.EVE.name)
        people.grant(session, desk.PERSON, lane.EVE.person, "emergency_publisher")
        session.add_all(list(stage.city(self.plan, self.bench.box.url)))

    def _add(self, posts: list[PlannedPost]) -> Child:
        """Queue posts, and the faults they will meet."""
        now_us = clock.wall_us()
        tags = [f"{self.tag}-{self.queued + number}" for number in range(len(posts))]
        self.queued += len(posts)
        for item, tag in zip(posts, tags, strict=True):
            if item.fault is not None:
                self.bench.box.fault(**item.fault, text=f"{tag} ")
        pairs = list(zip(posts, tags, strict=True))
        return self._act(desk.add, lambda: [stage.post(item, tag, now_us) for item, tag in pairs])

    # --- the play ----------------------------------------------------------------------------------------------------

    def _play(self) -> None:
        self.crew.start_all()
        self.start_s = clock.boot_s()
        self._await(self._add(self.plan.posts))
        self._plan_strikes(at_crisis=False)
        for item in self.plan.acts:
            self.family.later(self.start_s + item.at_s, partial(self._do, item))
        for number, native in enumerate(self.plan.natives):
            self.family.later(self.start_s + native.at_s, partial(self._lay, native, f"{self.tag}-n{number}"))
        if self.plan.restore:
            self.family.later(self.start_s + self.plan.restore.copy_s, self._copy)
        if self.plan.crises:
            self._trouble()
        fires = [item.at_s + item.fires_s for item in self.plan.natives if self.plan.variant == "planner"]
        self._wait(self.start_s + max([2.0, *(item.at_s for item in self.plan.acts), *fires]))
        self._resume_all()
        self._await(self._add(self.later_posts))

    def _trouble(self) -> None:
        if self.plan.ambush:
            self._await_ambush()
        else:
            self._await_leaves(self.plan.crises[0].leaves or 2)
        self._plan_strikes(at_crisis=True)
        self._plan_cell()
        if self.plan.variant == "store locked":
            return self._await(self._act(sabotage.lock_store, 1.0 + self.rng.random()))
        if self.plan.variant == "gate lost":
            self._await(self._act(sabotage.lose_gate))
            self._wait(clock.boot_s() + 1)
        if self.plan.variant == "cell lost":
            self._wait(clock.boot_s() + 0.8)
        return self._crises()

    def _crises(self) -> None:
        """Call the first crisis, the others at their time; put the store back at its own; wait until all is over."""
        if not self.plan.ambush:
            self._wait(clock.boot_s() + self.plan.crises[0].after_s)
        at = begun_s = clock.boot_s()
        for item in self.plan.crises[1:]:
            at += item.after_s
            self.family.later(at, partial(self._begin, item))
        first = self._begin(self.plan.crises[0])
        if self.plan.ambush:
            self._spring(first)
        if self.plan.restore:
            self._wait(begun_s + self.plan.restore.back_s)
            self._put_back()
        self.family.look_after(self._are_over, STUCK_S)

    def _begin(self, item: Crisis) -> Episode:
        renew, sweeps = partial(self._act, lane.renew), bool(self.plan.natives)
        hands = Hands(self.crew.continue_all, self._flare, renew, sweeps, self._away)
        episode = Episode(item, self.family, self.people, hands)
        self.episodes.append(episode)
        episode.begin()
        return episode

    def _away(self, holds_s: float) -> None:
        if self.plan.away is not None:
            self.family.later(holds_s - self.plan.away.before_s, self.crew.leave)
            self.family.later(holds_s + self.plan.away.after_s, self.crew.come_back)

    def _are_over(self) -> bool:
        return len(self.episodes) == len(self.plan.crises) and all(episode.over for episode in self.episodes)

    def _await_ambush(self) -> None:
        """Return when a worker stands where the plan wants one."""
        self.memory[AMBUSH] = AT_LAST_LOOK if self.plan.ambush == "lift" else AT_FIRST_BYTE
        self.family.look_after(lambda: bool(self.crew.ambushed), AMBUSH_WITHIN_S)
        self.memory[AMBUSH] = 0

    def _spring(self, first: Episode) -> None:
        """Let the ambushed go on a moment after the word SUSPENDED, the receipt (which must not wait for them) or the lift."""
        self.family.look_after(lambda: first.called or first.told(), STUCK_S)
        if self.plan.ambush == "receipt":
            self.family.look_after(lambda: first.called, 1.7)
        if self.plan.ambush == "lift":
            self.family.look_after(lambda: first.over, STUCK_S)
        self._wait(clock.boot_s() + self.rng.uniform(0.01, 0.15))
        for child in self.crew.ambushed:
            child.signal(signal.SIGCONT)

    def _await_leaves(self, count: int) -> None:
        """Return when the workers had leave to send `count` times."""
        had = lambda: sum(line["what"] == worker.LEAVE for line in read_diary(self.workers)) >= count  # noqa: E731
        self.family.look_after(had, AMBUSH_WITHIN_S)

    def _plan_strikes(self, *, at_crisis: bool) -> None:
        for item in self.plan.strikes:
            if item.at_crisis == at_crisis:
                self.family.later(clock.boot_s() + item.at_s, partial(self.crew.strike, item))

    def _plan_cell(self) -> None:
        if (item := self.plan.cell) is None:
            return
        troubles = sabotage.CellTroubles(essentials.load().cell_file.absolute(), self.memory, self._note())
        at = clock.boot_s() + item.at_s
        self.family.later(at, partial(troubles.begin, item.kind))
        self.family.later(at + item.for_s, partial(troubles.end, item.kind))

    # --- a restore ---------------------------------------------------------------------------------------------------

    def _copy(self) -> None:
        self.copying = self._act(backup.take, self.url)

    def _put_back(self) -> None:
        assert self.plan.restore is not None
        self.family.look_after(lambda: self.copying is not None and not self.copying.alive, STUCK_S)
        self.crew.while_away(lambda: self._await(self._act(backup.put_back, self.url)), self.plan.restore.under)

    # --- people ------------------------------------------------------------------------------------------------------

    def _do(self, item: Act) -> None:
        match item.verb:
            case "restart":
                self.crew.restart()
            case "add":
                self._add([self.later_posts.pop()])
            case "status" | "status --wait":
                self._act(acts.status, item.verb == "status --wait")
            case "renew":
                self._act(lane.renew)
            case "sweep":
                self._struck(self._act(lane.sweep), self.rng.uniform(0, 0.3) if self.rng.random() < 0.4 else None)
            case verb:
                self._act(desk.do, verb, f"{self.plan.seed} {item.at_s}")

    def _flare(self, item: Flare) -> None:
        """An emergency message, one post for each of its channels; the first of them meets its fault."""
        texts = {name: f"{self.tag}-e{self.flared + number} Boil water." for number, name in enumerate(item.channels)}
        self.flared += len(texts)
        if item.fault is not None:
            self.bench.box.fault(**item.fault, text=f"{stage.tag_of(texts[item.channels[0]])} ")
        self._struck(self._act(lane.flare, texts), item.killed_after_s)

    def _struck(self, child: Child, killed_after_s: float | None) -> None:
        if killed_after_s is not None:
            self.family.later(clock.boot_s() + killed_after_s, partial(child.signal, signal.SIGKILL))

    def _lay(self, item: Native, tag: str) -> None:
        """Somebody puts a post into a Page's own planner, past the city's store."""
        text = f"{tag} Parade at noon."
        found = self.bench.box.plan(stage.token(self.plan, item.channel), text, item.fires_s)
        post = {"post": tag, "channel": item.channel, "remote_id": found["id"], "at_us": found["at_us"]}
        self._note().write("laid", posts=[post])

    def _resume_all(self) -> None:
        self._await(self._act(acts.status, False))
        self._await(self._act(acts.resume_all, False))
        if self.plan.seed % 2:
            self._await(self._act(desk.release_all))

    def _act(self, act: Callable[..., None], *given: Any) -> Child:
        return self.family.fork(ACT, lambda: act(self._note(), *given))

    def _await(self, child: Child) -> None:
        if not self.family.look_after(lambda: not child.alive, STUCK_S):
            raise RuntimeError("somebody did not end")

    def _note(self) -> Diary:
        return Diary(str(self.people))

    def _wait(self, until_s: float) -> None:
        self.family.look_after(lambda: clock.boot_s() >= until_s, 60)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _settle(self) -> bool:
        """True when everything came to an end that it may stay in, once nobody falls any more."""
        self.crew.settle()
        self.family.look_after(lambda: not self.family.alive(CRISIS, ACT), self.bench.stuck_s)
        start, looked, helped = clock.boot_s(), 0.0, clock.boot_s()

        def over() -> bool:
            nonlocal looked, helped
            now = clock.boot_s()
            if now - looked < LOOK_S:
                return False
            looked = now
            if not self.family.alive(CRISIS, ACT) and not store_view.unsettled(self.url):
                return True
            if now - helped > HELP_EVERY_S:
                helped = now
                self._help(now - start)
            return False

        settled = self.family.look_after(over, self.bench.stuck_s)
        if not settled:
            self.crew.ask_where()
        return settled

    def _help(self, waited_s: float) -> None:
        """Lift what was recorded after the resume: a stop that only the cell knew, a restore, a crisis that was put off."""
        if self._suspended() and not self.family.alive(ACT):
            self.crew.diary.write("lifted late")
            self._act(acts.resume_all, False)
        if waited_s > LATE_S and not self.late:
            self.late = True
            self.crew.diary.write("late", why=store_view.unsettled(self.url))
            self.crew.ask_where()

    def _suspended(self) -> bool:
        return bool(store_view.open_suspensions(self.url))

    def _rows(self, *tables: Any) -> list[list[Any]]:
        """All rows of each of the tables; none while the store cannot be read."""
        engine = open_engine(self.url)
        try:
            with reading(engine) as session:
                found = [list(session.exec(select(table)).all()) for table in tables]
                session.expunge_all()
                return found
        except StoreError:
            return [[] for _ in tables]
        finally:
            engine.dispose()

    def _evidence(self, settled: bool) -> Evidence:
        tables = (Post, Attempt, Channel, Suspension, SuspensionInflight, Gate, Override)
        found: list[list[Any]] = [[]]
        while not found[0]:
            found = self._rows(*tables)
        posts, attempts, channels, suspensions, listed, gates, overrides = found
        arrivals = self._arrivals()
        return Evidence(
            plan=self.plan,
            settled=settled,
            posts=posts,
            attempts=attempts,
            channels=channels,
            suspensions=suspensions,
            listed=listed,
            gate=next(iter(gates), None),
            arrivals=[line for line in arrivals if line.kind == "publish" and line.text.startswith(f"{self.tag}-")],
            fired=[line for line in arrivals if line.kind == "fired"],
            deleted=[line for line in arrivals if line.method == "DELETE" and line.accepted],
            overrides=overrides,
            people=read_diary(self.people),
            workers=read_diary(self.workers),
            strikes=read_diary(self.folder / "trial.jsonl"),
            publisher=self.bench.publisher,
            kept_by=self._keepers(),
            lost_lists=backup.lost_lists(self.url) if self._is_back() else (),
            lost_copies=backup.lost_copies(self.url) if self._is_back() else (),
        )

    def _arrivals(self) -> list[Arrival]:
        """What arrived from this trial's channels: of the log that all trials share only these lines are read."""
        tokens = [stage.token(self.plan, name).encode() for name in self.plan.channels]
        lines = self.bench.box.log.read_bytes().split(b"\n")[:-1]
        return [Arrival(**json.loads(line)) for line in lines if any(token in line for token in tokens)]

    def _is_back(self) -> bool:
        return any(line["what"] == "restored" for line in read_diary(self.people))

    def _keep(self, evidence: Evidence) -> None:
        """Leave the rows beside the diaries, for a person."""
        rows = (*evidence.suspensions, *evidence.channels, *evidence.posts, *evidence.attempts, *evidence.arrivals)
        (self.folder / "rows.txt").write_text("".join(f"{row!r}\n" for row in rows))

    def _keepers(self) -> str:
        """What went wrong in a process of the trial itself, if anything."""
        file = self.folder / "errors.txt"
        return file.read_text() if file.exists() else ""


def run(seed: int, url: str, folder: Path, bench: Bench, variant: Variant | None = None) -> Verdict:
    """The verdict on trial `seed`."""
    return Trial(draw(seed, variant), url, folder, bench).run()
