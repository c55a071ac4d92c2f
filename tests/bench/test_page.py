"""What the page, the summary line and the exit code say of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as program
from bench import page, soak
from bench.figure import Figure, Result, number, percentile, spread
from tests.support.city import CHECKOUT

MACHINE = {
    "cores": 2,
    "memory_gib": 24,
    "system": "Linux 6",
    "python": "3.11",
    "sqlite": "3.45",
    "postgresql": "18",
    "fdatasync_ms_p50": 0.2,
    "fdatasync_ms_p99": 0.5,
}


def result(row: str = "stop", database: str = "sqlite", **values: Any) -> Result:
    figures = values.pop("figures", [Figure("time to the word", database, 1.5, "×", 1.6, runs=15, beside="bare 1 ms")])
    measured = {"database": database, "at": "2026-11-25T10:00Z", "commit": "abc1234", "seconds": 3}
    measured |= {"load_before": 1.0, "load_after": 1.1}
    return Result(row, figures, {"sqlite: ours": [1.0, 2.0, 3.0]}, measured=measured, **values)


def test_a_figure_is_judged_by_its_aim() -> None:
    assert [Figure("", "", value, "ms", 100.0).met for value in (99.0, 100.0, 100.1)] == [True, True, False]
    assert [Figure("", "", value, "×", 0.5, "≥").met for value in (0.6, 0.5, 0.4)] == [True, True, False]
    assert Figure("", "", 5.0, "ms").met is None


def test_numbers_are_short() -> None:
    assert [number(0.01234, "s"), number(12.345, "ms"), number(1234.5, "ms"), number(1.234, "×")] == [
        "0.0123 s",
        "12.3 ms",
        "1234 ms",
        "1.23×",
    ]


def test_the_99th_percentile_of_few_samples_is_the_largest() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([float(value) for value in range(1000)], 0.99) == 990.0
    assert spread([1.0, 2.0, 3.0], "ms") == "p50 2 ms, p99 3 ms"


def test_the_page_holds_every_figure_with_aim_verdict_and_what_stands_beside_it(tmp_path: Path) -> None:
    missed = Figure("time to the commit", "sqlite", 120.0, "ms", 100.0, runs=7, beside="bare writer 5 ms")
    page.write(tmp_path, [result(), result("commit", figures=[missed])], MACHINE, quick=False)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| time to the word | sqlite | 1.5× | ≤ 1.6× | met | 15 | bare 1 ms |" in text
    assert "| time to the commit | sqlite | 120 ms | ≤ 100 ms | **MISSED** | 7 | bare writer 5 ms |" in text
    assert "2 cores, 24 GiB" in text
    assert "commit abc1234" in text
    assert "A quick run" not in text
    assert "XLSX" not in text
    for row in ("stop", "commit"):
        assert f"benchmarks/{row}.svg" in text
        assert (tmp_path / "benchmarks" / f"{row}.svg").read_text(encoding="utf-8").count("<svg") == 1


def test_a_run_of_some_rows_keeps_the_others(tmp_path: Path) -> None:
    page.write(tmp_path, [result(), result("burst", database="postgresql")], MACHINE, quick=False)
    again = result(figures=[Figure("time to the word", "sqlite", 1.4, "×", 1.6)])
    page.write(tmp_path, [again], {**MACHINE, "postgresql": ""}, quick=False)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| 1.4× |" in text
    assert "| 1.5× |" in text  # the row of the first run
    assert "PostgreSQL 18" in text
    kept = json.loads((tmp_path / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert [item["row"] for item in kept["results"]] == ["stop", "burst"]


def test_formats_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    page.write(tmp_path, [result("calendar")], MACHINE, quick=False)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "XLSX (aim ≤ 20 s) and ICS (aim ≤ 30 s) are NOT MEASURED" in text


def test_a_row_that_could_not_be_measured_is_said(tmp_path: Path) -> None:
    page.write(tmp_path, [result(figures=[], fault="TimeoutError: no answer")], MACHINE, quick=True)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "NOT MEASURED on sqlite: TimeoutError: no answer" in text
    assert "A quick run" in text


def test_a_quick_run_leaves_the_published_page_alone() -> None:
    assert program._parse(["--quick"]).out == CHECKOUT / ".cache" / "bench"
    assert program._parse([]).out == CHECKOUT / "docs"


def _run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measure: Any, *options: str) -> int:
    monkeypatch.setattr(program, "ROWS", {"stop": measure})
    monkeypatch.setattr(program.machine, "described", lambda *_: MACHINE)
    monkeypatch.setattr(program.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    monkeypatch.setattr(program.shutil, "rmtree", lambda *_, **__: None)
    return program.main(["--rows", "stop", "--databases", "sqlite", "--out", str(tmp_path / "out"), *options])


@pytest.mark.parametrize(
    ("value", "options", "code"), [(1.5, (), 0), (1.7, (), 1), (1.7, ("--quick",), 0), (None, ("--quick",), 1)]
)
def test_the_exit_code_says_whether_all_was_measured_and_met(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    value: float | None,
    options: tuple[str, ...],
    code: int,
) -> None:
    def measure(*_: Any) -> Result:
        if value is None:
            raise TimeoutError("no answer")
        return result(figures=[Figure("time to the word", "sqlite", value, "×", 1.6)])

    assert _run(monkeypatch, tmp_path, measure, *options) == code
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("bench: ")
    assert ("missed: time to the word (sqlite): 1.7×" in last) is (code == 1 and value is not None)
    assert ("0 of 1 rows measured" in last) is (value is None)


def test_growth_is_read_from_a_soak_s_samples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(soak, "FOLDER", tmp_path)
    lines = ["# 2026-11-25T10:00Z, commit abc1234", ",".join(soak.COLUMNS)]
    lines += [
        f"{second},{100 + (second >= 600) * 5 + (second >= 3000) * 3},10,9,{second}" for second in range(0, 3601, 10)
    ]
    soak.samples_file("sqlite").write_text("\n".join(lines), encoding="utf-8")
    (figure,) = soak.figures("sqlite")
    assert (figure.value, figure.unit, figure.met) == (3.0, "MB", False)
    assert "commit abc1234" in figure.beside
    assert soak.figures("postgresql") == []
