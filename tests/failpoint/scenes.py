"""The scripts in which a process falls. In each, ``first`` is the process that the case arms, ``second`` the one that recovers.

A scene belongs to a phase: what the city was doing when the process fell. ``running``: nothing is stopped. ``draining``: a
crisis is under way, or waits for calls in flight. ``suspended``: the stop stands. ``resuming``: between step one of resume and
the end of step two. In the *standing* scenes a worker is halted at the point (SIGSTOP) while nothing is suspended, the phase
comes, and it is killed there; everywhere else the process is killed on reaching the point.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from tests.failpoint import parts
from tests.failpoint.backup import Backup
from tests.failpoint.process import Child
from tests.failpoint.stage import OUTBOX, PAGE, Stage, X

BEATS = 3
SLOW_S = 1.2
"""How late a platform answers a call that is to be in flight when the stop comes."""
BROKEN_OFF = "crisis.record.lock:before=kill"
"""What a crisis died of that had written the cell, and not yet the ledger."""
LIFTED = "resume.confirm.commit:after=stop"
"""Where a resume is halted that has lifted the suspension, and not yet raised the fence."""


@dataclass(frozen=True)
class Scene:
    """A script, the phase it stands for, and what its first process is.

    `standing`: that process is halted at the point before it is killed. `new`: in a city that has not begun. `arms`: what is
    on in other processes of it, by the part they play.
    """

    phase: str
    role: str
    play: Callable[[Stage], None]
    standing: bool = False
    new: bool = False
    arms: Mapping[str, str] = field(default_factory=dict)


# --- pieces ----------------------------------------------------------------------------------------------------------


def _four_posts(stage: Stage) -> None:
    """Two posts with an image and two for the outbox, to be published one after another."""
    stage.queue(PAGE, PAGE, OUTBOX, OUTBOX, image=True)


def _live(stage: Stage, *names: str) -> None:
    """A daemon's whole life, and its successors' where it falls: start, publish, some heartbeats, the end in order."""
    for name in (*names, "last"):
        if not _life(stage, name).killed:
            return


def _life(stage: Stage, name: str) -> Child:
    child = stage.daemon(name)
    beats = stage.heartbeats(BEATS)
    stage.wait(lambda: not child.alive or (stage.is_settled() and beats()), "all to be settled, and heartbeats")
    stage.end(child)
    return child


def _two_in_flight(stage: Stage) -> None:
    """A worker dies with two calls under way that the platforms took: what it left is for others."""
    os.environ["STANDFAST_THREADS"] = "2"
    stage.queue(PAGE, X, delay_s=60)
    worker = stage.daemon("forerunner")
    stage.wait(lambda: stage.arrivals() == 2, "both requests to arrive")
    stage.fell(worker)


def _lift_all(stage: Stage) -> None:
    """Ask and confirm until nothing is suspended."""
    for _ in range(4):
        if not stage.is_suspended():
            return
        stage.run("ask", parts.ask)
        stage.run("confirm", parts.confirm)


def _finish(stage: Stage, worker: Child | None = None, name: str = "worker") -> None:
    """What was left is settled, the stop looked at and lifted; then the city goes on: a post that is queued now goes out."""
    alive = stage.keep_up(stage.is_settled, "what was left to be settled", name, current=worker)
    if stage.is_suspended():
        stage.run("status", parts.status)
    _lift_all(stage)
    stage.queue(OUTBOX)
    stage.end(stage.keep_up(stage.is_settled, "all to be settled", current=alive))


# --- running ---------------------------------------------------------------------------------------------------------


def publish(stage: Stage) -> None:
    """A daemon in a new city publishes four posts, lives a while and ends."""
    _four_posts(stage)
    _live(stage, "first", "second")


def take_up(stage: Stage) -> None:
    """A daemon takes up two calls of a dead worker and asks the platforms about them."""
    _two_in_flight(stage)
    _live(stage, "first", "second")


def stop_in_calm(stage: Stage) -> None:
    """A crisis while no call is in flight."""
    stage.queue(OUTBOX)
    worker = stage.keep_up(stage.is_settled, "the post to go out", "worker")
    stage.run_again(parts.stop)
    _finish(stage, worker)


def refused_stop(stage: Stage) -> None:
    """Somebody who may not calls a crisis: refused, and logged."""
    stage.run_again(parts.refused_stop)
    stage.queue(OUTBOX)
    _live(stage, "worker")


# --- draining --------------------------------------------------------------------------------------------------------


def _call_in_flight(stage: Stage) -> Child:
    stage.queue(PAGE, delay_s=SLOW_S)
    before = stage.arrivals()
    worker = stage.daemon("worker")
    stage.wait(lambda: stage.arrivals() > before, "the request to arrive")
    return worker


def drain(stage: Stage) -> None:
    """A crisis that waits for a call in flight."""
    worker = _call_in_flight(stage)
    stage.run_again(parts.stop)
    _finish(stage, worker)


def settle(stage: Stage) -> None:
    """A crisis takes up two calls of a dead worker and asks the platforms about them."""
    _two_in_flight(stage)
    stage.run_again(parts.stop)
    _finish(stage)


def end_in_drain(stage: Stage) -> None:
    """A daemon is told to end while a crisis waits for its call."""
    stage.queue(PAGE, delay_s=SLOW_S)
    worker = stage.daemon("first")
    stage.wait(lambda: stage.arrivals() or not worker.alive, "the request to arrive")
    draining = stage.start("crisis", parts.stop)
    stage.wait(lambda: stage.said("suspended") or not draining.alive, "SUSPENDED")
    stage.end(worker)
    stage.wait(lambda: not draining.alive, "the crisis to end")
    _finish(stage, name="second")


def refused_in_drain(stage: Stage) -> None:
    """Somebody who may not calls a crisis while another one drains."""
    worker = _call_in_flight(stage)
    draining = stage.start("crisis", parts.stop)
    stage.wait(lambda: stage.said("suspended") or not draining.alive, "SUSPENDED")
    stage.run_again(parts.refused_stop)
    stage.wait(lambda: not draining.alive, "the crisis to end")
    _finish(stage, worker)


def standing_in_drain(stage: Stage) -> None:
    """A worker stands at the point when the crisis comes, and is killed while it drains."""
    worker = _standing(stage)
    draining = stage.start("crisis", parts.stop)
    stage.wait(lambda: stage.said("suspended") or not draining.alive, "SUSPENDED")
    stage.fell(worker)
    stage.wait(lambda: not draining.alive, "the crisis to end")
    _finish(stage, name="second")


def _standing(stage: Stage) -> Child:
    """The worker that has come to its point and stands there; one that never does has ended in order."""
    _four_posts(stage)
    worker = stage.daemon("first")
    _until_it_stands(stage, worker)
    if worker.alive and not worker.stopped:
        stage.queue(OUTBOX)  # what keeps records may have found those of all four at once
        _until_it_stands(stage, worker)
    return worker


def _until_it_stands(stage: Stage, worker: Child) -> None:
    stage.wait(lambda: worker.stopped or not worker.alive or stage.is_settled(), "the worker to stand")
    beats = stage.heartbeats(stage.beaten() + BEATS)
    stage.wait(lambda: worker.stopped or not worker.alive or beats(), "the worker to stand")


# --- suspended -------------------------------------------------------------------------------------------------------


def standing_under_stop(stage: Stage) -> None:
    """A worker stands at the point through the whole crisis, and is killed when that has ended."""
    worker = _standing(stage)
    stage.run("crisis", parts.stop_and_go)
    stage.fell(worker)
    _finish(stage, name="second")


def start_under_stop(stage: Stage) -> None:
    """A daemon is started while everything is suspended."""
    stage.queue(OUTBOX)
    stage.run("crisis", parts.stop)
    _live(stage, "first", "second")
    _finish(stage)


def take_up_under_stop(stage: Stage) -> None:
    """A daemon takes up the calls of a dead worker while everything is suspended."""
    _two_in_flight(stage)
    stage.run("crisis", parts.stop_and_go)
    _live(stage, "first", "second")
    _finish(stage)


def stop_again(stage: Stage) -> None:
    """A second crisis while the first one stands."""
    stage.run("crisis", parts.stop)
    stage.run_again(parts.stop)
    _finish(stage)


def only_the_cell_knows(stage: Stage) -> None:
    """A daemon finds a stop in the cell that the ledger lacks: the crisis was killed in between."""
    stage.queue(OUTBOX)
    stage.run("broken off", parts.stop)
    _live(stage, "first", "second")
    _finish(stage)


def window_comes(stage: Stage) -> None:
    """A planned window begins under a daemon that has published until then; one post falls due right after its moment."""
    stage.queue(OUTBOX)
    worker = stage.keep_up(stage.is_settled, "the post to go out", "first", "second")
    stage.run("plan", parts.plan)
    stage.queue(OUTBOX, in_s=parts.AHEAD_S)
    done = lambda: stage.is_begun() and stage.is_fenced()  # noqa: E731
    worker = stage.keep_up(done, "the window to begin and the fence to rise", "second", current=worker)
    stage.queue(OUTBOX)
    _finish(stage, worker)


def refused_under_stop(stage: Stage) -> None:
    """Somebody who may not calls a crisis, while one stands."""
    stage.run("crisis", parts.stop)
    stage.run_again(parts.refused_stop)
    _finish(stage)


def refused_resume(stage: Stage) -> None:
    """Somebody gives a code that nobody was given, while everything is suspended."""
    stage.run("crisis", parts.stop)
    stage.run_again(parts.refused_resume)
    _finish(stage)


def restored(stage: Stage) -> None:
    """A daemon finds the store replaced by a copy from before what it knows was sent; one post waits there for a person."""
    stage.queue(PAGE)
    stage.queue(OUTBOX)
    stage.queue(OUTBOX, held="a person looks at it first")
    backup = Backup(stage.url)
    stage.look_away()
    backup.make()
    _live(stage, "worker")
    stage.look_away()
    backup.put_back()
    _live(stage, "first", "second")
    _finish(stage)


# --- resuming --------------------------------------------------------------------------------------------------------


def ask(stage: Stage) -> None:
    """Step one of resume."""
    stage.queue(OUTBOX)
    stage.run("crisis", parts.stop)
    stage.run_again(parts.ask)
    _finish(stage)


def confirm(stage: Stage) -> None:
    """Step two of resume; who falls there asks anew, unless it was lifted already."""
    stage.queue(OUTBOX)
    stage.run("crisis", parts.stop)
    for part in ("first", "second", "third"):
        if stage.is_suspended():
            stage.run("ask", parts.ask)
            stage.run(part, parts.confirm)
    _finish(stage)


def publish_at_lift(stage: Stage) -> None:
    """A daemon that has waited behind the gate publishes when the lift is recorded, and before resume has raised the fence."""
    stage.run("crisis", parts.stop)
    worker = stage.daemon("first")
    stage.await_ready(worker)
    stage.run("ask", parts.ask)
    lifting = stage.start("lifting", parts.confirm)
    stage.wait(lambda: lifting.stopped or not lifting.alive, "the lift to be recorded")
    _four_posts(stage)
    done = lambda: stage.is_settled() and stage.is_fenced()  # noqa: E731
    worker = stage.keep_up(done, "the posts to go out and the fence to rise", "second", current=worker)
    lifting.signal(signal.SIGCONT)
    stage.wait(lambda: not lifting.alive, "resume to end")
    _finish(stage, worker)


def start_at_lift(stage: Stage) -> None:
    """A daemon is started between the two steps of resume."""
    stage.queue(OUTBOX)
    stage.run("crisis", parts.stop)
    stage.run("ask", parts.ask)
    _live(stage, "first", "second")
    stage.run("confirm", parts.confirm)
    _finish(stage)


def take_up_at_lift(stage: Stage) -> None:
    """A daemon takes up the calls of a dead worker between the two steps of resume."""
    _two_in_flight(stage)
    stage.run("crisis", parts.stop_and_go)
    stage.run("ask", parts.ask)
    _live(stage, "first", "second")
    stage.run("confirm", parts.confirm)
    _finish(stage)


def standing_at_lift(stage: Stage) -> None:
    """A worker stands at the point through crisis and step one of resume, and is killed before step two."""
    worker = _standing(stage)
    stage.run("crisis", parts.stop_and_go)
    stage.run("ask", parts.ask)
    stage.fell(worker)
    stage.run("confirm", parts.confirm)
    _finish(stage, name="second")


def stop_at_lift(stage: Stage) -> None:
    """A crisis between the two steps of resume: the code is void."""
    stage.run("crisis", parts.stop)
    stage.run("ask", parts.ask)
    stage.run_again(parts.stop)
    stage.run("confirm", parts.confirm)
    _finish(stage)


def refused_at_lift(stage: Stage, act: Callable[[parts.Diary], None]) -> None:
    """Somebody is refused between the two steps of resume."""
    stage.run("crisis", parts.stop)
    stage.run("ask", parts.ask)
    stage.run_again(act)
    stage.run("confirm", parts.confirm)
    _finish(stage)


WORKER, CRISIS, RESUME, REFUSED = "worker", "crisis", "resume", "refused"
SCENES = {
    "publish": Scene("running", WORKER, publish, new=True),
    "take up": Scene("running", WORKER, take_up),
    "stop in calm": Scene("running", CRISIS, stop_in_calm),
    "refused stop": Scene("running", REFUSED, refused_stop),
    "drain": Scene("draining", CRISIS, drain),
    "settle": Scene("draining", CRISIS, settle),
    "end in drain": Scene("draining", WORKER, end_in_drain),
    "refused in drain": Scene("draining", REFUSED, refused_in_drain),
    "standing in drain": Scene("draining", WORKER, standing_in_drain, standing=True),
    "start under stop": Scene("suspended", WORKER, start_under_stop),
    "take up under stop": Scene("suspended", WORKER, take_up_under_stop),
    "only the cell knows": Scene("suspended", WORKER, only_the_cell_knows, arms={"broken off": BROKEN_OFF}),
    "window comes": Scene("suspended", WORKER, window_comes),
    "restored": Scene("suspended", WORKER, restored),
    "standing under stop": Scene("suspended", WORKER, standing_under_stop, standing=True),
    "stop again": Scene("suspended", CRISIS, stop_again),
    "refused under stop": Scene("suspended", REFUSED, refused_under_stop),
    "refused resume": Scene("suspended", REFUSED, refused_resume),
    "publish at lift": Scene("resuming", WORKER, publish_at_lift, arms={"lifting": LIFTED}),
    "start at lift": Scene("resuming", WORKER, start_at_lift),
    "take up at lift": Scene("resuming", WORKER, take_up_at_lift),
    "standing at lift": Scene("resuming", WORKER, standing_at_lift, standing=True),
    "stop at lift": Scene("resuming", CRISIS, stop_at_lift),
    "ask": Scene("resuming", RESUME, ask),
    "confirm": Scene("resuming", RESUME, confirm),
    "refused at lift": Scene("resuming", REFUSED, partial(refused_at_lift, act=parts.refused_resume)),
    "refused stop at lift": Scene("resuming", REFUSED, partial(refused_at_lift, act=parts.refused_stop)),
}
