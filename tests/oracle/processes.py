"""The worker processes of the rig: each a real publisher with a registration of its own, which ends when the process dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

from sqlalchemy import Engine

from config import clock
from scheduler import liveness, post_queue, worker
from scheduler.publisher import Place, Publisher
from tests.model import state as model
from tests.oracle.boundary import ANSWER, LOST, PREPARE, SEND, UNDONE, WITNESS, WRITE
from tests.oracle.platform import SILENT
from tests.oracle.puppet import DONE, Puppet
from tests.oracle.town import Town

NO_SUCH_PID = 2**22 + 1
"""Beyond any process number of Linux: whether such a process lives is said by its lock alone."""
NUMBERS = count(1)
PHASE_AT = {PREPARE: model.HOLDING, WITNESS: model.LEAVE, SEND: model.LOOKED, ANSWER: model.WAITING}


class Registration:
    """A registered process: alive as long as it holds the lock on its file, as the kernel sees to for a real one."""

    def __init__(self, town: Town) -> None:
        folder = town.essential.workers_dir
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{next(NUMBERS):032x}.lock"
        process = liveness.Process(path.stem, "daemon", liveness.host(), clock.boot_id(), NO_SUCH_PID, 1, str(path))
        self.id = process.id
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        os.write(self.descriptor, json.dumps(asdict(process)).encode())
        worker.enrol(town.ground.engine, process)

    def end(self) -> None:
        """The process is gone: its lock is free, its file stays."""
        os.close(self.descriptor)


class Worker:
    """One worker process at a time, with one thread; its methods are the model's steps."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.registration: Registration | None = None
        self.start()

    def start(self) -> None:
        """A process with a fresh id, which knows nothing."""
        self.registration = Registration(self.town)
        place = Place(
            engine=self.town.ground.engine,
            settings=self.town.settings,
            cell_file=self.town.essential.cell_file,
            witness_file=self.town.witness_file,
            media_dir=Path(self.town.essential.data_dir),
            worker=self.registration.id,
            key_prefix=post_queue.key_prefix(self.town.store_id),
        )
        self.publisher = Publisher(place, self.town.connector_of)
        self.thread: Puppet | None = None
        self._phase = model.IDLE

    @property
    def id(self) -> str:
        """Of the process that lives, empty when there is none."""
        return self.registration.id if self.registration is not None else ""

    @property
    def attempt(self) -> int:
        """The number it last told the witness, 0 for none."""
        return self.thread.attempt if self.thread is not None else 0

    @property
    def phase(self) -> int:
        """Where the thread stands, in the model's numbers."""
        if self.registration is None:
            return model.DEAD
        if self.thread is not None and self.thread.at != DONE:
            return self._phase
        return model.RESULT if self.publisher._owed else model.IDLE

    def crash(self) -> None:
        """Kill -9."""
        assert self.registration is not None
        if self.thread is not None:
            self.thread.kill()
        self.registration.end()
        self.registration = None

    def refused(self, post: int) -> object:
        """What an idle worker answers to a post that it may not claim."""
        thread = Puppet("worker", lambda: self.publisher.publish_post(post))
        thread.run(to=(PREPARE,))
        if thread.at != DONE:
            thread.kill()
            return "claimed"
        return thread.error or thread.result

    def end(self) -> None:
        """A daemon whose store was replaced ends by itself."""
        assert self.is_lost
        self.crash()

    # --- a publish ---------------------------------------------------------------------------------------------------

    def claim(self, post: int, order: str = "") -> None:
        """The claim's transaction."""
        self._begin(lambda: self.publisher.publish_post(post))
        self._go(order)

    def claim_unheard(self, post: int) -> None:
        """It stands, and the worker does not know."""
        self.claim(post, LOST)

    def claim_undone(self, post: int) -> None:
        """It does not stand, and the worker does not know."""
        self.claim(post, UNDONE)

    def prepare(self) -> None:
        """The uploads; the next transaction is authorise's."""
        self._go()
        self._phase = model.READY

    def authorise(self, order: str = "") -> None:
        """The transaction that gives leave."""
        self._go(order)

    def authorise_unheard(self) -> None:
        """It stands, and the worker does not know."""
        self.authorise(LOST)

    def authorise_undone(self) -> None:
        """It does not stand, and the worker does not know."""
        self.authorise(UNDONE)

    def look(self) -> None:
        """The witness, then every look before the first byte."""
        self._go()

    def look_late(self) -> None:
        """The same, when the deadline has passed."""
        with self.town.hands.later(self.town.settings.send_deadline + 1):
            self._go()

    def send(self) -> None:
        """The request's bytes."""
        self._go()

    def timeout(self) -> None:
        """The call ends without an answer."""
        self._go(SILENT)

    def hear(self, answer: str) -> None:
        """The call ends with the platform's answer."""
        self._go(answer)

    def lose_store(self, engine: Engine) -> None:
        """Another store stands in the place of the one this process has open: it keeps what it had."""
        self.publisher.place = replace(self.publisher.place, engine=engine, is_same_store=lambda: False)
        if self.thread is not None:
            self.thread.replaced = engine

    @property
    def is_lost(self) -> bool:
        """Whether its store was replaced under it."""
        return self.registration is not None and not self.publisher.place.is_same_store()

    def record(self, order: str = "") -> None:
        """What is owed is written."""
        if self.thread is None or self.thread.at == DONE:
            self._begin(self.publisher.pay)
        self._go(order)

    def record_unheard(self) -> None:
        """What is owed is written, and the worker does not know."""
        self.record(LOST)

    def _begin(self, job: Callable[[], object]) -> None:
        self.thread = Puppet("worker", job)
        self.thread.step()

    def _go(self, order: str = "") -> None:
        """To the next boundary; a second transaction before the end is the record's."""
        assert self.thread is not None
        at = self.thread.step(order)
        self._phase = model.RESULT if at == WRITE else PHASE_AT.get(at, model.IDLE)
