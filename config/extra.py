"""How to install what an optional part of Standfast needs, in the environment that runs now."""

from __future__ import annotations

import shlex
import sys


def install(name: str) -> str:
    """The command that adds the extra `name`."""
    return f"{shlex.quote(sys.executable)} -m pip install 'standfast[{name}]'"
