"""A trial's workers: started, struck, continued or killed, replaced, restarted in good order, and all ended for a restore."""

from __future__ import annotations

import mmap
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from config import clock
from tests.chaos import naive, worker
from tests.chaos.family import NOTHING, Child, Family
from tests.chaos.plan import Plan, Strike
from tests.chaos.points import CALM, FROZEN, IN_AMBUSH
from tests.chaos.worker import Config, Diary, read_diary

WORKER = "worker"
MOST_STARTED = 24
STUCK_S = 240.0
"""Who has not come to an end by then never will, however slow the machine; each wait ends as soon as it is over."""


class Crew:
    """The workers of one trial."""

    def __init__(self, plan: Plan, family: Family, memory: mmap.mmap, log: Path, publisher: str) -> None:
        self.plan, self.family, self.memory, self.log = plan, family, memory, log
        self.diary = Diary(str(log.with_name("trial.jsonl")))
        self.rng = random.Random(f"crew {plan.seed}")
        self.ambushed: list[Child] = []
        self.closed = False
        """No worker is started now: the store is being put back."""
        self._program = naive.run if publisher == "naive" else worker.run
        self._started = 0

    def start_all(self) -> None:
        """Return when all are ready: until then nobody falls, and who finds the store too busy to start is replaced."""
        self.family.on_end = lambda _: self.start() if self._started < MOST_STARTED else None
        self.memory[CALM] = 1
        for _ in range(self.plan.workers):
            self.start()
        if not self.await_ready(self.plan.workers):
            raise RuntimeError("the workers did not become ready")
        self.memory[CALM] = 0
        self.family.on_stop, self.family.on_end = self.has_stopped, self.has_ended

    def await_ready(self, count: int) -> bool:
        """True once `count` have said in all that they are ready."""

        def ready() -> bool:
            return [line["what"] for line in read_diary(self.log)].count(worker.READY) >= count

        self.family.look_after(lambda: ready() or not self.family.alive(WORKER), STUCK_S)
        return ready()

    def start(self) -> None:
        """One more worker, unless the crew is closed."""
        if self.closed:
            return
        self._started += 1
        name = f"worker {self._started}"
        config = Config(name, str(self.log), f"{self.plan.seed} {self._started}", self.plan.likelihood)
        self.family.fork(WORKER, lambda: self._program(config, self.memory))

    def strike(self, item: Strike) -> None:
        """Stop or kill a worker that stands upright."""
        if (child := self._upright()) is None:
            return
        self.diary.write("strike", target=child.pid, stop=item.stop)
        child.signal(signal.SIGSTOP if item.stop else signal.SIGKILL)
        if item.stop:
            sign = signal.SIGKILL if item.then_kill else signal.SIGCONT
            self.family.later(clock.boot_s() + item.after_s, partial(child.signal, sign))

    def restart(self) -> None:
        """End a worker in good order; another one takes its place."""
        if (child := self._upright()) is not None:
            self.diary.write("restart", target=child.pid)
            child.then = partial(self._restarted, child)
            child.signal(signal.SIGTERM)

    def _restarted(self, child: Child) -> None:
        if child.status == 0:
            self.diary.write("restarted")
        self.start()

    def _upright(self) -> Child | None:
        standing = [child for child in self.family.alive(WORKER) if not child.stopped]
        return self.rng.choice(standing) if standing else None

    def has_stopped(self, child: Child) -> None:
        """It will go on, or be killed: nobody stays stopped for ever. The one in ambush goes on when the trial says so."""
        if child not in self.ambushed and self._lies_in_wait(child):
            return self.ambushed.append(child)
        wait = self.rng.choice((self.rng.uniform(0.02, 0.5), self.rng.uniform(0.3, 1.1), self.rng.uniform(0.5, 4.0)))
        sign = signal.SIGKILL if child.kind == WORKER and self.rng.random() < 0.25 else signal.SIGCONT
        return self.family.later(clock.boot_s() + wait, partial(child.signal, sign))

    def _lies_in_wait(self, child: Child) -> bool:
        places = (f"SIGSTOP {IN_AMBUSH}", f"SIGSTOP {FROZEN}")
        return any(line["pid"] == child.pid and line["what"].endswith(places) for line in read_diary(self.log))

    def has_ended(self, child: Child) -> None:
        """Most are replaced, the last one always; those that were restarted at once."""
        if child.kind != WORKER or child.then != NOTHING or self.closed:
            return
        if self.rng.random() < 0.85 or not self.family.alive(WORKER):
            self.family.later(clock.boot_s() + self.rng.uniform(0.02, 0.6), self.start)

    def continue_all(self) -> None:
        """Let everybody go on."""
        for child in self.family.children:
            child.signal(signal.SIGCONT)

    def settle(self) -> None:
        """From now on nobody falls, and there is always one: the others end in good order."""
        self.memory[CALM], self.closed = 1, False
        self.family.forget_plans()
        self.family.on_stop = lambda child: child.signal(signal.SIGCONT)
        self.family.on_end = lambda _: None if self.family.alive(WORKER) else self.start()
        self.continue_all()
        for child in self.family.alive(WORKER)[1:]:
            child.then = NOTHING
            child.signal(signal.SIGTERM)
        if not self.family.alive(WORKER):
            self.start()

    def while_away(self, replace: Callable[[], object], under: bool) -> None:
        """Let the store be replaced: when all have ended, or (`under`) while they run, who must then end by themselves."""
        self.closed, calm, self.memory[CALM] = True, self.memory[CALM], 1
        if under:
            replace()
            self.continue_all()
            ended = self.family.look_after(lambda: not self.family.alive(WORKER), worker.NOTICES_WITHIN_S)
            self.diary.write("ended by itself" if ended else "did not end")
        self._end_all()
        if not under:
            replace()
        self.closed = False
        self.memory[CALM] = calm
        for _ in range(self.plan.workers):
            self.start()

    def leave(self) -> None:
        """All end at once, and none is started before they `come_back`."""
        self.closed = True
        self.diary.write("all away")
        self._kill_all()

    def come_back(self) -> None:
        """As many as there were planned."""
        self.closed = False
        self.diary.write("back")
        for _ in range(self.plan.workers):
            self.start()

    def _kill_all(self) -> None:
        for child in self.family.alive(WORKER):
            child.signal(signal.SIGKILL)

    def _end_all(self) -> None:
        self._kill_all()
        self.family.look_after(lambda: not self.family.alive(WORKER), STUCK_S)

    def ask_where(self) -> None:
        """Let the workers write down what each of their threads does."""
        for child in self.family.alive(WORKER):
            child.signal(signal.SIGUSR1)
        until = clock.boot_s() + 1
        self.family.look_after(lambda: clock.boot_s() >= until, 2)
