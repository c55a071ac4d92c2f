"""One case: a scene in which a process is killed at one point (and the one that recovers at another), and the verdict on it."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from pathlib import Path

from config import clock, failpoint
from tests.failpoint import judge
from tests.failpoint.process import Child
from tests.failpoint.scenes import SCENES
from tests.failpoint.stage import Bench, Stage, Stuck

TRACE = "trace"
"""The point of a case in which nobody falls: every step that the first process comes by is only written down."""
NEEDS = {"publish.unclaim": "publish.claim.commit:after=error"}
"""Steps that are come by only where something went wrong before → what goes wrong."""


@dataclass(frozen=True)
class Case:
    """The scene, the point (``step:side``) at whose `hit` its first process falls, and the second's, if any."""

    scene: str
    point: str
    hit: int = 1
    second: str = ""
    second_hit: int = 1

    @property
    def name(self) -> str:
        """As the command line takes it."""
        more = f" + {self.second}@{self.second_hit}" if self.second else ""
        return f"{self.scene} / {self.point}@{self.hit}{more}"

    @classmethod
    def named(cls, text: str) -> Case:
        """The case of this name. Raises ValueError."""
        scene, _, rest = text.partition(" / ")
        first, _, second = rest.partition(" + ")
        point, _, hit = first.partition("@")
        other, _, other_hit = second.partition("@")
        if scene not in SCENES or not point:
            raise ValueError(
                f"{text!r} names no case: SCENE / STEP:SIDE@HIT, with ' + STEP:SIDE@HIT' for a second crash"
            )
        return cls(scene, point, int(hit or 1), other, int(other_hit or 1))

    def arms(self) -> dict[str, str]:
        """Part → the failpoints that are on in its process."""
        arms = dict(SCENES[self.scene].arms)
        if self.point == TRACE:
            points = (f"{step}:{side}=print" for step in failpoint.registry() for side in failpoint.SIDES)
            return arms | {"first": ";".join(points)}
        task = "stop" if SCENES[self.scene].standing else "kill"
        needs = [text for step, text in NEEDS.items() if self.point.startswith(step)]
        arms["first"] = ";".join([*needs, f"{self.point}={task}@{self.hit}"])
        if self.second:
            arms["second"] = f"{self.second}=kill@{self.second_hit}"
        return arms


@dataclass
class Result:
    """What came of a case: whether each process fell where it should, and what is wrong. `reached`: a trace's hits by point."""

    name: str
    first_hit: bool = False
    second_hit: bool = False
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0
    reached: dict[str, int] = field(default_factory=dict)

    def complaints(self) -> list[str]:
        """What is wrong, one line each; a point that was not reached shows nothing, so it is wrong, too."""
        case = Case.named(self.name)
        missed = [] if self.first_hit or case.point == TRACE else [f"{case.point}@{case.hit} was not reached"]
        if case.second and not self.second_hit:
            missed.append(f"the one who recovers did not come to {case.second}@{case.second_hit}")
        return [*self.violations, *missed]

    @property
    def is_bad(self) -> bool:
        """True when anything is wrong."""
        return bool(self.complaints())


def run(case: Case, url: str, folder: Path, bench: Bench) -> Result:
    """The result of `case` on an empty, migrated store."""
    start, result = clock.boot_s(), Result(case.name)
    stage, scene = Stage(url, folder, bench, case.arms()), SCENES[case.scene]
    try:
        stage.set_up(new=scene.new)
        scene.play(stage)
    except Stuck as error:
        result.violations.append(f"I4: {error}")
    finally:
        stage.close()
    result.violations += judge.judge(judge.evidence_of(stage, scene.phase))
    result.first_hit = _fell(stage, "first", case.point, case.hit)
    result.second_hit = bool(case.second) and _fell(stage, "second", case.second, case.second_hit)
    result.reached = _reached(stage) if case.point == TRACE else {}
    result.seconds, result.cpu_s = clock.boot_s() - start, _cpu_s()
    return result


def _fell(stage: Stage, part: str, point: str, hit: int) -> bool:
    """True when the process that played `part` was killed at this point, or stood there until it was."""
    tasks = ("kill", "stop")
    return any(
        child.killed and any((point, hit, task) in child.hits() for task in tasks) for child in _played(stage, part)
    )


def _played(stage: Stage, part: str) -> list[Child]:
    return [child for child in stage.cast.children if child.part == part]


def _reached(stage: Stage) -> dict[str, int]:
    found: dict[str, int] = {}
    for child in _played(stage, "first"):
        for point, number, _ in child.hits():
            found[point] = max(found.get(point, 0), number)
    return found


def _cpu_s() -> float:
    """CPU seconds of this process and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)
