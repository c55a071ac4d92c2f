"""One seeded trial: workers publish into the sandbox, fall or are felled, a crisis comes, a person resumes; then the judge.

The trial is a process without threads, the parent of all others in it. It keeps no connection to the store open while it forks.
"""

from __future__ import annotations

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

from config import clock
from governance import people
from sandbox.client import Client
from store.engine import StoreError, open_engine, reading
from store.tables import Attempt, Channel, Gate, Post, Suspension, SuspensionInflight
from tests.chaos import acts, naive, oracle, plan, stage, worker
from tests.chaos.family import Child, Family
from tests.chaos.plan import Crisis, Plan, PlannedPost, Signal
from tests.chaos.points import AMBUSH, CALM, IN_AMBUSH
from tests.chaos.worker import Config, Diary, read_diary
from tests.support import city as cities

STUCK_S = 240.0
"""Who has not come to an end by then never will, however slow the machine; each wait ends as soon as it is over."""
LATE_S, HELP_EVERY_S, LOOK_S = 45.0, 3.0, 0.3
MOST_STARTED = 20
WORKER, ACT, CRISIS = "worker", "act", "crisis"


@dataclass(frozen=True)
class Bench:
    """What trials share: the sandbox, and which publisher is tried."""

    box: Client
    publisher: str = "standfast"
    stuck_s: float = STUCK_S


class Trial:
    """One run of a plan."""

    def __init__(self, drawn: Plan, url: str, folder: Path, bench: Bench) -> None:
        self.plan, self.url, self.folder, self.bench = drawn, url, folder, bench
        self.rng = random.Random(f"trial {drawn.seed}")
        self.tag = f"t{drawn.seed}-{os.getpid()}"
        self.memory: mmap.mmap = worker.nothing_shared()
        self.ambushed: list[Child] = []
        self.family = Family(self.rng, folder / "errors.txt")
        self.people, self.workers = folder / "people.jsonl", folder / "workers.jsonl"
        self.diary = Diary(str(folder / "trial.jsonl"))
        self._started, self._late = 0, False

    def run(self) -> oracle.Verdict:
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
            self.family.end_all()

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
        acts.persist(open_engine(self.url), self._furnish)

    def _furnish(self, session: Session) -> None:
        os.environ["STANDFAST_TOKEN"] = people.bootstrap(session, "ana", "Ana")
        session.add_all(stage.channels(self.plan, self.bench.box.url))

    def _add(self, posts: list[PlannedPost], wave: int) -> None:
        """Queue posts, their faults, and who will cancel them."""
        now_us, now_s = clock.wall_us(), clock.boot_s()
        texts = [f"{self.tag}-{wave}-{n} A word." for n in range(len(posts))]
        for item, text in zip(posts, texts, strict=True):
            if item.fault is not None:
                self.bench.box.fault(**item.fault, text=text)
        pairs = list(zip(posts, texts, strict=True))
        self._await_act(acts.add, lambda: [stage.post(item, text, now_us) for item, text in pairs])
        ids = [line["posts"] for line in read_diary(self.people) if line["what"] == "added"][-1]
        for item, number in zip(posts, ids, strict=True):
            if item.cancelled_s is not None:
                self.family.later(now_s + item.cancelled_s, partial(self._act, acts.cancel, number))

    # --- the play ----------------------------------------------------------------------------------------------------

    def _play(self) -> None:
        self._start_workers()
        self.family.on_stop, self.family.on_end = self._has_stopped, self._has_ended
        self.start_s = clock.boot_s()
        self._add(self.plan.posts, 0)
        self._plan_strikes(at_crisis=False)
        if self.plan.variant in ("crisis", "ambush", "gate lost", "store locked"):
            self._trouble()
            self._resume()
        else:
            self._wait(self.start_s + max(post.due_s for post in self.plan.posts))
        self._add(self.plan.second_wave, 1)
        if self.plan.relapse:
            self._crisis(Crisis(0))
            self._resume()

    def _trouble(self) -> None:
        if self.plan.ambush:
            self._await_ambush()
        else:
            self._await_leaves(self.plan.crises[0].leaves if self.plan.crises else 2)
        self._plan_strikes(at_crisis=True)
        if self.plan.variant == "store locked":
            return self._await_act(acts.lock_store, 1.0 + self.rng.random())
        if self.plan.variant == "gate lost":
            self._await_act(acts.lose_gate)
            self._wait(clock.boot_s() + 1)
            return self._crisis(Crisis(0))
        for extra in self.plan.crises[1:]:
            self.family.later(clock.boot_s() + extra.at_s, partial(self._call, extra))
        if not self.ambushed:
            self._wait(clock.boot_s() + self.plan.crises[0].at_s)
        self._crisis(self.plan.crises[0])
        self.family.look_after(lambda: not self.family.alive(CRISIS), STUCK_S)
        return None

    def _await_ambush(self) -> None:
        """Return when a worker stands between its last look and its first byte."""
        self.memory[AMBUSH] = 1
        self.family.look_after(lambda: bool(self.ambushed), 12)
        self.memory[AMBUSH] = 0

    def _spring(self, crisis: Child) -> None:
        """Let the ambushed go on a moment after the word SUSPENDED, or after the receipt, which must not wait for them."""
        told = lambda: not crisis.alive or bool(self._said("suspended"))  # noqa: E731
        self.family.look_after(told, STUCK_S)
        if self.plan.ambush == "receipt":
            self.family.look_after(lambda: not crisis.alive, 1.7)
        self._wait(clock.boot_s() + self.rng.uniform(0.01, 0.15))
        for child in self.ambushed:
            child.signal(signal.SIGCONT)

    def _said(self, what: str) -> list[dict[str, Any]]:
        return [line for line in read_diary(self.people) if line["what"] == what]

    def _await_leaves(self, count: int) -> None:
        """Return when the workers had leave to send `count` times: a busy machine must not move the crisis before it all."""
        had = lambda: sum(line["what"] == worker.LEAVE for line in read_diary(self.workers)) >= count  # noqa: E731
        self.family.look_after(had, 12)

    def _plan_strikes(self, *, at_crisis: bool) -> None:
        for item in self.plan.signals:
            if item.at_crisis == at_crisis:
                self.family.later(clock.boot_s() + item.at_s, partial(self._strike, item))

    def _crisis(self, item: Crisis) -> None:
        """Call the crisis, and again when it was killed on its way; then perhaps ask until it is quiet."""
        child = self._call(item)
        self._spring(child)
        self.family.look_after(lambda: not child.alive, STUCK_S)
        if child.status:
            child = self._call(Crisis(0, scope=item.scope))
            self.family.look_after(lambda: not child.alive, STUCK_S)
        answers = self._said("answer")
        if answers and answers[-1]["code"] == 10 and self.rng.random() < 0.5:
            self._continue_all()
            self._await_act(acts.status, True)
        self._wait(clock.boot_s() + self.plan.dwell_s)

    def _call(self, item: Crisis) -> Child:
        act = acts.stop_by_command if item.subprocess else acts.stop
        child = self.family.fork(CRISIS, lambda: act(self._note(), item.scope, item.wait))
        now = clock.boot_s()
        if item.killed_after_s is not None:
            self.family.later(now + item.killed_after_s, lambda: child.signal(signal.SIGKILL))
        elif item.stopped_after_s is not None:
            self.family.later(now + item.stopped_after_s, lambda: child.signal(signal.SIGSTOP))
            self.family.later(now + item.stopped_after_s + 0.5, lambda: child.signal(signal.SIGCONT))
        return child

    def _resume(self) -> None:
        self._await_act(acts.status, False)
        self._await_act(acts.resume_all, self.plan.resume_by_subprocess)
        if self.plan.release:
            self._await_act(acts.release, tuple(post.id for post in self._rows(Post)[0] if post.state == "held"))

    def _act(self, act: Callable[..., None], *given: Any) -> Child:
        return self.family.fork(ACT, lambda: act(self._note(), *given))

    def _await_act(self, act: Callable[..., None], *given: Any) -> None:
        child = self._act(act, *given)
        if not self.family.look_after(lambda: not child.alive, STUCK_S):
            raise RuntimeError(f"{act.__name__} did not end")

    def _note(self) -> Diary:
        return Diary(str(self.people))

    def _wait(self, until_s: float) -> None:
        self.family.look_after(lambda: clock.boot_s() >= until_s, 60)

    # --- the workers -------------------------------------------------------------------------------------------------

    def _start_workers(self) -> None:
        """Return when all are ready: until then nobody falls, and who finds the store too busy to start is replaced."""
        self.family.on_end = lambda _: self._start_worker() if self._started < MOST_STARTED else None
        self.memory[CALM] = 1
        for _ in range(self.plan.workers):
            self._start_worker()

        def ready() -> bool:
            found = [line for line in read_diary(self.workers) if line["what"] == worker.READY]
            return len(found) >= self.plan.workers

        def over() -> bool:
            return ready() or not self.family.alive(WORKER)

        self.family.look_after(over, STUCK_S)
        if not ready():
            raise RuntimeError("the workers did not become ready")
        self.memory[CALM] = 0

    def _start_worker(self) -> None:
        self._started += 1
        name = f"worker {self._started}"
        config = Config(name, str(self.workers), f"{self.plan.seed} {self._started}", self.plan.likelihood)
        program = naive.run if self.bench.publisher == "naive" else worker.run
        self.family.fork(WORKER, lambda: program(config, self.memory))

    def _strike(self, item: Signal) -> None:
        standing = [child for child in self.family.alive(WORKER) if not child.stopped]
        if not standing:
            return
        child = self.rng.choice(standing)
        self.diary.write("strike", target=child.pid, stop=item.stop)
        child.signal(signal.SIGSTOP if item.stop else signal.SIGKILL)
        if item.stop:
            sign = signal.SIGKILL if item.then_kill else signal.SIGCONT
            self.family.later(clock.boot_s() + item.after_s, lambda: child.signal(sign))

    def _has_stopped(self, child: Child) -> None:
        """It will go on, or be killed: nobody stays stopped for ever. The one in ambush goes on when the crisis has come."""
        lines = read_diary(self.workers)
        if child not in self.ambushed and any(
            line["pid"] == child.pid and line["what"].endswith(IN_AMBUSH) for line in lines
        ):
            return self.ambushed.append(child)
        wait = self.rng.choice((self.rng.uniform(0.02, 0.5), self.rng.uniform(0.3, 1.1), self.rng.uniform(0.5, 4.0)))
        sign = signal.SIGKILL if child.kind == WORKER and self.rng.random() < 0.25 else signal.SIGCONT
        return self.family.later(clock.boot_s() + wait, lambda: child.signal(sign))

    def _has_ended(self, child: Child) -> None:
        if child.kind == WORKER and self.rng.random() < 0.85:
            self.family.later(clock.boot_s() + self.rng.uniform(0.02, 0.6), self._start_worker)

    def _continue_all(self) -> None:
        for child in self.family.children:
            child.signal(signal.SIGCONT)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _settle(self) -> bool:
        """True when everything came to an end that it may stay in, once nobody falls any more."""
        self.memory[CALM] = 1
        self.family.forget_plans()
        self.family.on_stop = lambda child: child.signal(signal.SIGCONT)
        self.family.on_end = lambda _: None if self.family.alive(WORKER) else self._start_worker()
        self._continue_all()
        if not self.family.alive(WORKER):
            self._start_worker()
        self.family.look_after(lambda: not self.family.alive(CRISIS), self.bench.stuck_s)
        start, looked, helped = clock.boot_s(), 0.0, clock.boot_s()

        def over() -> bool:
            nonlocal looked, helped
            now = clock.boot_s()
            if now - looked < LOOK_S:
                return False
            looked = now
            if not oracle.unsettled(*self._state()):
                return True
            if now - helped > HELP_EVERY_S:
                helped = now
                self._help(now - start)
            return False

        settled = self.family.look_after(over, self.bench.stuck_s)
        if not settled:
            self._ask_where()
        return settled

    def _help(self, waited_s: float) -> None:
        """Lift what was recorded after the resume: a stop that only the cell knew, a crisis that a slow machine put off."""
        if self._suspended() and not self.family.alive(ACT):
            self.diary.write("lifted late")
            self._act(acts.resume_all, False)
        if waited_s > LATE_S and not self._late:
            self._late = True
            self.diary.write("late", why=oracle.unsettled(*self._state()))
            self._ask_where()

    def _ask_where(self) -> None:
        """Let the workers write down what each of their threads does."""
        for child in self.family.alive(WORKER):
            child.signal(signal.SIGUSR1)
        self._wait(clock.boot_s() + 1)

    def _suspended(self) -> bool:
        return any(row.lifted_epoch is None for row in self._rows(Suspension)[0])

    def _state(self) -> tuple[list[Post], list[Attempt], list[Channel]]:
        posts, attempts, channels = self._rows(Post, Attempt, Channel)
        return posts, attempts, channels

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

    def _evidence(self, settled: bool) -> oracle.Evidence:
        tables = (Post, Attempt, Channel, Suspension, SuspensionInflight, Gate)
        found: list[list[Any]] = [[]]
        while not found[0]:
            found = self._rows(*tables)
        posts, attempts, channels, suspensions, listed, gates = found
        return oracle.Evidence(
            plan=self.plan,
            settled=settled,
            posts=posts,
            attempts=attempts,
            channels=channels,
            suspensions=suspensions,
            listed=listed,
            gate=next(iter(gates), None),
            arrivals=[line for line in self.bench.box.arrivals() if line.text.startswith(f"{self.tag}-")],
            people=read_diary(self.people),
            workers=read_diary(self.workers),
            strikes=read_diary(self.folder / "trial.jsonl"),
            publisher=self.bench.publisher,
            kept_by=self._keepers(),
        )

    def _keep(self, evidence: oracle.Evidence) -> None:
        """Leave the rows beside the diaries, for a person."""
        rows = (*evidence.suspensions, *evidence.channels, *evidence.posts, *evidence.attempts, *evidence.arrivals)
        (self.folder / "rows.txt").write_text("".join(f"{row!r}\n" for row in rows))

    def _keepers(self) -> str:
        """What went wrong in a process of the trial itself, if anything."""
        file = self.folder / "errors.txt"
        return file.read_text() if file.exists() else ""


def run(seed: int, url: str, folder: Path, bench: Bench, variant: plan.Variant | None = None) -> oracle.Verdict:
    """The verdict on trial `seed`."""
    return Trial(plan.draw(seed, variant), url, folder, bench).run()
