"""What failpoints cost while they are off: ``python -m tests.failpoint.cost``.

One step beside a bare function call, and a whole publish (outbox, SQLite) with the steps beside one without: a copy of the
product from whose code every ``with failpoint.step(…)`` was taken out, the two taking turns.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import timeit
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.support import source
from tests.support.city import CHECKOUT

ROUNDS = 5
REPEAT, NUMBER = 7, 50_000
PUBLISHES = """
import sys
from pathlib import Path
from config import clock
from config.settings import Settings
from connectors.outbox import OutboxConnector
from connectors.protocol import Account
from scheduler import stop_cell
from scheduler.planning import content
from scheduler.publisher import Place, Publisher
from store import migration
from store.engine import open_engine, writing
from store.tables import Channel, Person, Post, RoleGrant

root, count = Path(sys.argv[1]), 200
engine = open_engine(f"sqlite:///{root / 'store.db'}")
migration.initialise(engine)
now = clock.wall_us()
with writing(engine) as session:
    session.add(Person(id="ann", name="Ann", created_at=0))
    session.add(RoleGrant(person="ann", role="administrator", channel="*", granted_by="ann", granted_at=0))
    session.add(Channel(name="out", platform="outbox", created_at=0))
with writing(engine) as session:
    for number in range(count):
        text = f"Post {number}"
        session.add(Post(channel="out", text=text, content_hash=content.content_hash(text, []), local_time="", zone="UTC",
                         due_at=now, ready_at=now, lateness_us=10**12, author="ann", created_at=now, updated_at=now))
stop_cell.lay_down(root / "stop.cell", 1)
place = Place(engine, Settings(root=root, spacing=0), root / "stop.cell", root / "own.witness", root, "w", "sf")
connector = OutboxConnector(Account("out", "outbox", {"folder": str(root / "outbox")}, {}))
publisher = Publisher(place, lambda _: connector)
took = []
for number in range(1, count + 1):
    start = clock.boot_ns()
    assert publisher.publish_post(number) == "published"
    took.append(clock.boot_ns() - start)
print(sorted(took)[count // 2])
"""


@dataclass(frozen=True)
class Cost:
    """The times of one run: a step and a bare call in ns, the median publish with and without steps in µs."""

    step_ns: float
    call_ns: float
    with_us: float
    without_us: float

    def words(self) -> str:
        """The figures on one line."""
        ratio = self.with_us / self.without_us
        return (
            f"failpoints off: {self.step_ns:.0f} ns a step (a bare call: {self.call_ns:.0f} ns); a publish takes "
            f"{self.with_us:.0f} µs with its steps, {self.without_us:.0f} µs without: ratio {ratio:.3f}"
        )


def step_ns() -> float:
    """Nanoseconds of one step while failpoints are off."""
    return _best("with failpoint.step('publish.claim', 'commit'): pass", "from config import failpoint")


def call_ns() -> float:
    """Nanoseconds of a call of a function with two parameters that returns one."""
    return _best("f('publish.claim', 'commit')", "def f(name, part=''): return name")


def _best(statement: str, setup: str) -> float:
    return min(timeit.repeat(statement, setup, repeat=REPEAT, number=NUMBER)) / NUMBER * 1e9


class _Without(ast.NodeTransformer):
    """Takes every ``with failpoint.step(…)`` out, and leaves its body."""

    def visit_With(self, node: ast.With) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        node.items = [item for item in node.items if not _is_step(item.context_expr)]
        return node if node.items else node.body


def _is_step(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "failpoint.step"


def copy_without(to: Path) -> int:
    """How many steps were taken out of the product's copy in `to`."""
    count = 0
    for file in source.files():
        if file.parts[0] not in source.ROOMS:
            continue
        (to / file).parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".py":
            (to / file).write_bytes((CHECKOUT / file).read_bytes())
            continue
        tree = source.tree(file)
        count += sum(_is_step(node) for node in ast.walk(tree) if isinstance(node, ast.Call))
        (to / file).write_text(ast.unparse(_Without().visit(ast.parse(source.text(file)))))
    return count


def _publish_us(code: Path) -> float:
    """The median time of a publish by the product in `code`."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "HOME": os.environ.get("HOME", "/")}
    with tempfile.TemporaryDirectory(prefix="failpoint-cost-") as root:
        command = [sys.executable, "-c", PUBLISHES, root]
        ran = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=True)
    return int(ran.stdout.split()[-1]) / 1000


def measure(rounds: int = ROUNDS) -> Cost:
    """The figures of one run, in which the two take turns."""
    with tempfile.TemporaryDirectory(prefix="failpoint-without-") as copy:
        copy_without(Path(copy))
        pairs = [(_publish_us(CHECKOUT), _publish_us(Path(copy))) for _ in range(rounds)]
    with_us, without_us = (median(column) for column in zip(*pairs, strict=True))
    return Cost(step_ns(), call_ns(), with_us, without_us)


if __name__ == "__main__":
    print(measure().words())
