"""The mutants that may survive, each with its one line of why: ``survivors.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Explanation:
    """A survivor by its file, function and lines, and why no test can or need tell it from the original."""

    file: str
    function: str
    was: str
    becomes: str
    why: str

    @property
    def mutant(self) -> tuple[str, str, str, str]:
        """What it explains."""
        return self.file, self.function, self.was, self.becomes


def explanations(file: Path = FILE) -> list[Explanation]:
    """All explanations."""
    return [Explanation(**entry) for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("survivor", [])]
