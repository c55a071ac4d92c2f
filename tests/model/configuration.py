"""The configurations: small ones for every CI run, large ones for `--full`."""

from __future__ import annotations

from typing import Final

from tests.model.state import ALL, DOWN, READ_ONLY, Config

SMALL: Final = (
    Config("two workers", workers=2, crashes=1),
    Config("lost acknowledgements", workers=1, crashes=1, faults=1),
    Config("part of the channels", channels=(1, 2), due=(0, 0), workers=1, scopes=(1,)),
    Config("too late", workers=2, due=(0,), last_tick=1, lateness=0, late_looks=True),
    Config("overlapping stops", workers=1, scopes=(ALL, 1)),
    Config("killed stops", workers=1, crashes=1, kills=True, faults=1, status=True),
    Config(
        "refusals and people", workers=1, refusals=True, acts=1, verbs=("edit", "hold", "cancel", "release", "move")
    ),
    Config("store away", workers=1, crashes=1, kills=True, outages=1, health=(READ_ONLY, DOWN)),
    Config("cell lost", workers=1, outages=1, health=(), cell_faults=True),
    Config(
        "nothing could be written",
        channels=(),
        due=(),
        workers=0,
        scopes=(ALL,),
        faults=2,
        outages=2,
        cell_faults=True,
        cell_stays=True,
    ),
    Config("restored", workers=1, scopes=(1,), restores=True),
    Config(
        "restored, moved", workers=1, scopes=(), due=(1,), last_tick=1, restores=True, acts=1, verbs=("move", "release")
    ),
    Config(
        "frozen pens",
        channels=(),
        due=(),
        workers=0,
        scopes=(1, ALL),
        frozen_pens=True,
        fence_fails=True,
        record_tries=1,
    ),
    Config("restored, stopped again", channels=(), due=(), workers=0, scopes=(1, ALL), restores=True),
    Config("restored, in hand", workers=1, scopes=(), restores=True, crashes=1, acts=1, verbs=("hold", "cancel")),
    Config("native scheduler", workers=1, native=True, crashes=1),
    Config("planned window", workers=1, scopes=(1,), window=(ALL, 1), last_tick=1),
    Config("planned, clock back", workers=1, scopes=(), window=(1, 1), last_tick=1, outages=1, health=(), backs=True),
    Config("override", workers=1, overrides=True, acts=1, scopes=(1, 1)),
    Config("staged resume", channels=(1, 2), due=(0, 0), workers=1, parts=(1,)),
    Config("staged resume, overlapping", channels=(), due=(), workers=0, scopes=(ALL, 1), parts=(1,)),
    Config("staged resume, killed", workers=1, crashes=1, kills=True, parts=(1,)),
    Config("staged resume, people", workers=1, acts=1, verbs=("release",), parts=(1,)),
    Config(
        "staged resume, cell lost",
        channels=(),
        due=(),
        workers=0,
        outages=1,
        health=(),
        cell_faults=True,
        parts=(1,),
    ),
    Config("staged resume, restored", workers=1, scopes=(1,), restores=True, parts=(1,)),
    Config(
        "staged resume, window", channels=(1,), due=(0,), workers=1, scopes=(), parts=(1,), window=(ALL, 1), last_tick=1
    ),
    Config("window, override", workers=1, scopes=(1,), window=(ALL, 1), last_tick=1, overrides=True, acts=1),
    Config("window, status", workers=1, scopes=(), window=(1, 1), last_tick=1, status=True, crashes=1, kills=True),
)
"""About a million and a half states together, in eighty seconds of one core."""

LARGE: Final = (
    Config("large: two workers, all faults", workers=2, crashes=1, faults=1, kills=True),
    Config("large: two posts", channels=(1, 1), due=(0, 1), last_tick=1, workers=2),
    Config("large: two channels", channels=(1, 2), due=(0, 0), workers=2, scopes=(1,)),
    Config("large: overlapping, killed", workers=1, scopes=(ALL, 1), crashes=1, kills=True, status=True),
    Config(
        "large: store and cell",
        workers=1,
        faults=1,
        outages=2,
        health=(READ_ONLY, DOWN),
        cell_faults=True,
        cell_stays=True,
    ),
    Config("large: restored", workers=1, restores=True, crashes=1, guard_falls=True),
    Config(
        "large: restored, moved",
        workers=1,
        scopes=(1,),
        due=(1,),
        last_tick=1,
        restores=True,
        acts=1,
        verbs=("hold", "cancel", "move", "release"),
    ),
    Config(
        "large: people and lateness",
        workers=2,
        last_tick=2,
        lateness=1,
        late_looks=True,
        refusals=True,
        acts=1,
        verbs=("edit", "hold", "cancel", "release", "move"),
    ),
    Config(
        "large: parts, window, lane",
        channels=(1, 2),
        due=(0, 1),
        last_tick=1,
        workers=1,
        scopes=(1,),
        parts=(1,),
        window=(ALL, 1),
        overrides=True,
        acts=1,
        status=True,
    ),
    Config("large: lane, restored", workers=1, scopes=(ALL,), overrides=True, acts=1, restores=True, status=True),
    Config("large: frozen pens", workers=1, scopes=(1, ALL), frozen_pens=True, fence_fails=True, record_tries=1),
)
"""For `--full`: about nine million states together, each to its end, in a quarter of an hour of one core and 2 GiB."""
