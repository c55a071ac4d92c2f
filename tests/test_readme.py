"""The README alone leads a newcomer from an empty folder to a passed drill: its commands are run, and say what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.city import CHECKOUT, City

SECTIONS = ("You install and run it", "Before it happens: practise (everybody)")
"""In the order in which a newcomer comes to them."""
NOT_RUN = ("daemon",)
"""It ends when it is told to."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d C[SD]T")
SECONDS = re.compile(r"\d+\.\d\d s\b")
TOKEN = re.compile(r"sf_[\w-]+…?")
CODE = re.compile(r"--confirm [A-Z0-9]{8}")
ELSEWHERE = "/srv/city"
"""Where the README's city lies."""
Step = tuple[str, str, str]
"""(``plan``, ``env`` or ``run``; the text to add or the command; what it says)."""


def steps(page: str, heading: str) -> Iterator[Step]:
    """What the section has a reader do: commands with their answers, and what to add to the plan and to ``.env``."""
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
        if language:
            yield {"toml": "plan", "sh": "env"}[language], body, ""
            continue
        for command, answer in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
            yield "run", command, answer


class Reader:
    """Somebody who does what the README says, in a folder of their own."""

    def __init__(self, root: Path, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STANDFAST_")}
        self.city = City(
            root, "", {**kept, "PYTHONPATH": str(CHECKOUT), "HOME": str(home), "XDG_STATE_HOME": str(home)}
        )
        self.tokens: dict[str, str] = {}
        self.code = ""

    def add(self, name: str, text: str) -> None:
        """Add `text` to a file of the city's."""
        file = self.city.root / name
        with file.open("a", encoding="utf-8") as own:
            own.write(f"\n{text}")
        file.chmod(0o600)

    def run(self, command: str, answer: str) -> str:
        """What the command says; `answer` names its tokens as the README does."""
        words = shlex.split(CODE.sub(f"--confirm {self.code}", command))
        given = {}
        if "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            given = {name: self.tokens[value]}
        assert words.pop(0) == "standfast", command
        ran = subprocess.run(
            self.city.command(*words),
            cwd=self.city.root,
            env={**self.city.environ, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        self.tokens |= dict(zip(TOKEN.findall(answer), TOKEN.findall(ran.stdout), strict=False))
        if (code := CODE.search(ran.stdout)) is not None:
            self.code = code[0].split()[1]
        assert ran.returncode == 0, (command, ran.stdout)
        return ran.stdout


def alike(text: str, root: str = ELSEWHERE) -> str:
    """`text` without what differs from one reader to the next: moments, times, tokens, codes and the folder."""
    for pattern, word in ((MOMENT, "MOMENT"), (SECONDS, "SECONDS"), (TOKEN, "TOKEN"), (CODE, "CODE")):
        text = pattern.sub(word, text)
    return text.replace(root, ELSEWHERE)


def shows(answer: str, said: str) -> bool:
    """True when the README's `answer` is what was said; a line of an ellipsis stands for any number of lines."""
    lines = (r"(?:.*\n)*?" if line == "…" else f"{re.escape(line)}\n" for line in alike(answer).splitlines())
    return re.fullmatch("".join(lines), said) is not None


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    for name in ("city", "home"):
        (tmp_path / name).mkdir()
    return Reader(tmp_path / "city", tmp_path / "home")


def test_from_an_empty_folder_to_a_passed_drill_by_the_readme_alone(reader: Reader) -> None:
    """KS-20: nothing else need be read or guessed, and every line that is shown is said."""
    page, ran, said = (CHECKOUT / "README.md").read_text(encoding="utf-8"), 0, ""
    for kind, what, answer in [step for heading in SECTIONS for step in steps(page, heading)]:
        if kind != "run":
            reader.add({"plan": "crisis-plan.toml", "env": ".env"}[kind], what)
        elif what.split()[-1] not in NOT_RUN:
            said = alike(reader.run(what, answer), str(reader.city.root))
            assert shows(answer, said), f"{what}\n{said}\nand the README shows\n{alike(answer)}"
            ran += 1
    assert ran >= 12
    assert "(live, by maria.santos)" in said


def test_what_the_readme_shows_and_nobody_says_is_seen() -> None:
    said = "a 0.50 s\nb\nc\n"
    assert shows("a 0.71 s\n…\nc\n", alike(said))
    assert shows("a 0.71 s\nb\nc\n…\n", alike(said))
    assert not shows("a 0.71 s\nc\n", alike(said))
    assert not shows("a 0.71 s\n…\nd\n", alike(said))
