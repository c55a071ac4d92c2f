"""RC-2: the log's head is anchored outside, and a log that is written anew is named by its anchor."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from config import clock
from records.anchor import book, check, run, stamp
from records.anchor.check import Checked
from records.anchor.fault import AnchorError
from records.anchor.run import Address, Places
from records.anchor.run import Authority as Place
from records.verify import verify
from store import chain
from store.engine import reading
from tests.records.kept import Archive, act
from tests.support.authority import Authority


def _trusted(authority: Authority) -> list[Any]:
    return stamp.trusted(authority.certificate)


def _places(authority: Authority, folder: Path, **rest: Any) -> Places:
    folder.mkdir(exist_ok=True)
    return Places(Place("tsa", authority.stamp, lambda: _trusted(authority)), folder, **rest)


def _check(kept: Archive, authority: Authority, folder: Path | None) -> Checked:
    return check.check(kept.engine, folder, _trusted(authority))


def _rewrite(engine: Engine, count: int, first: int = 1) -> None:
    """The log from entry `first` on written anew, whole in itself, by somebody who can write to the store."""
    with engine.begin() as connection:
        row = connection.exec_driver_sql(f"SELECT hash FROM log_entry WHERE seq = {first - 1}").first()
        connection.exec_driver_sql(f"DELETE FROM log_entry WHERE seq >= {first}")
        own = chain.FIRST if row is None else str(row[0])
        for number in range(first, first + count):
            previous, own = own, chain.digest(number, 1, "eve", "act", "x", "{}", own)
            values = f"{number}, 1, 'eve', 'act', 'x', '{{}}', '{previous}', '{own}'"
            connection.exec_driver_sql(f"INSERT INTO log_entry VALUES ({values})")
        connection.exec_driver_sql(f"UPDATE chain_head SET seq = {first + count - 1}, hash = '{own}'")
    assert verify(engine).ok


def test_the_head_is_anchored_at_each_place_and_each_is_an_entry(
    kept: Archive, authority: Authority, tmp_path: Path
) -> None:
    sent: list[int] = []
    address = Address("OFFICER", lambda head, stamped: sent.append(head.seq) if stamped else "no stamp")
    made = run.anchor(kept.engine, _places(authority, tmp_path / "out", address=address))
    assert [(item["place"], item["seq"], item["trouble"]) for item in made] == [
        ("authority", 8, ""),
        ("folder", 8, ""),
        ("address", 8, ""),
    ]
    assert sent == [8]
    assert kept.look().entries == 11
    (file,) = (tmp_path / "out").iterdir()
    assert file.stat().st_mode & 0o777 == 0o444
    told = json.loads(file.read_text())
    assert (told["seq"], told["hash"]) == (8, kept.rows("log_entry", "seq")[7]["hash"])
    found = _check(kept, authority, tmp_path / "out")
    assert (found.faults, found.anchors, found.files, found.stamps, found.holds) == ([], 3, 1, 2, 8)


def test_a_stamp_is_checked_by_another_program(kept: Archive, authority: Authority, tmp_path: Path) -> None:
    """As docs/records.md says: openssl, the file, and the entry's hash."""
    run.anchor(kept.engine, _places(authority, tmp_path / "out"))
    (file,) = (tmp_path / "out").iterdir()
    told = json.loads(file.read_text())
    (tmp_path / "stamp.tsr").write_bytes(base64.b64decode(told["stamp"]))
    for digest, code in ((told["hash"], 0), ("0" * 64, 1)):
        line = [
            "openssl",
            "ts",
            "-verify",
            "-digest",
            digest,
            "-in",
            "stamp.tsr",
            "-CAfile",
            str(authority.certificate),
        ]
        assert subprocess.run(line, cwd=tmp_path, capture_output=True, check=False).returncode == code


@pytest.mark.parametrize("first", [1, 5])
def test_a_log_written_anew_is_named_by_its_anchors(
    kept: Archive, authority: Authority, tmp_path: Path, first: int
) -> None:
    """Also when the store's own rows went with it: then the folder is the witness."""
    places = _places(authority, tmp_path / "out")
    run.anchor(kept.engine, places)
    for _ in range(3):
        act(kept.engine)
    run.anchor(kept.engine, places)
    _rewrite(kept.engine, 20, first)
    found = _check(kept, authority, tmp_path / "out")
    assert any("entry 8 is not the one that was anchored" in line for line in found.faults)
    kept.sql("DELETE FROM anchor")
    found = _check(kept, authority, tmp_path / "out")
    assert [line.partition(": ")[2] for line in found.faults] == [
        f"entry {number} is not the one that was anchored: the log was rewritten from its beginning, or nearly"
        for number in (8, 13)
    ]


def test_what_still_holds_bounds_where_the_log_was_rewritten(
    kept: Archive, authority: Authority, tmp_path: Path
) -> None:
    places = _places(authority, tmp_path / "out")
    run.anchor(kept.engine, places)
    run.anchor(kept.engine, places)
    _rewrite(kept.engine, 9, 10)
    kept.sql("DELETE FROM anchor")
    *removed, line = _check(kept, authority, tmp_path / "out").faults
    assert removed == ["anchor 1 was removed: the log says that it was there"]
    assert "entry 10 is not the one that was anchored: the log was rewritten after entry 8, which still is" in line
    _rewrite(kept.engine, 1, 9)
    (line,) = _check(kept, authority, tmp_path / "out").faults
    assert "entry 10 is gone: the log was rewritten or cut off" in line


@pytest.mark.parametrize("column", ["id", "at", "seq", "hash", "place", "target", "trouble", "token", "stamped_at"])
def test_a_changed_row_is_named(kept: Archive, authority: Authority, tmp_path: Path, column: str) -> None:
    run.anchor(kept.engine, _places(authority, tmp_path / "out"))
    others: dict[str, Any] = {"place": "address", "token": b"x", "target": "x", "trouble": "x", "hash": "0" * 64}
    kept.sql(f"UPDATE anchor SET {column} = :v WHERE id = 1", v=others.get(column, 77))
    assert any("is not what the log says of it" in line for line in _check(kept, authority, None).faults)


def test_a_removed_row_is_named(kept: Archive, authority: Authority, tmp_path: Path) -> None:
    run.anchor(kept.engine, _places(authority, tmp_path / "out"))
    kept.sql("DELETE FROM anchor WHERE id = 2")
    assert _check(kept, authority, None).faults == ["anchor 2 was removed: the log says that it was there"]


@pytest.mark.parametrize("change", ["{}", "nonsense", None])
def test_a_changed_file_is_named(kept: Archive, authority: Authority, tmp_path: Path, change: str | None) -> None:
    run.anchor(kept.engine, _places(authority, tmp_path / "out"))
    (file,) = (tmp_path / "out").iterdir()
    file.chmod(0o600)
    file.write_text(change if change is not None else file.read_text().replace('"seq": 8', '"seq": 7'))
    (line,) = _check(kept, authority, tmp_path / "out").faults
    assert ("cannot be read" if change is not None else "entry 7 is not the one") in line


def test_files_that_are_elsewhere_are_said_and_another_store_s_are_a_fault(
    kept: Archive, authority: Authority, tmp_path: Path
) -> None:
    run.anchor(kept.engine, _places(authority, tmp_path / "out"))
    (file,) = (tmp_path / "out").iterdir()
    kept.sql("UPDATE meta SET value = 'other' WHERE key = 'store_id'")
    assert "another store" in _check(kept, authority, tmp_path / "out").faults[0]
    file.unlink()
    found = _check(kept, authority, tmp_path / "out")
    assert (found.faults, found.absent) == ([], 1)
    assert "cannot be read" in _check(kept, authority, tmp_path / "none").faults[0]


# --- what fails ------------------------------------------------------------------------------------------------------


def _refused(request: bytes) -> bytes:
    raise AnchorError("tsa: no answer")


def test_one_that_fails_stands_in_no_other_s_way_and_is_an_entry(kept: Archive, tmp_path: Path) -> None:
    places = Places(Place("tsa", _refused, list), tmp_path, Address("OFFICER", lambda *_: "cannot be reached"))
    made = run.anchor(kept.engine, places)
    assert [item["trouble"] for item in made] == ["tsa: no answer", "", "OFFICER cannot be reached"]
    actions = [row["action"] for row in kept.rows("log_entry", "seq")][-3:]
    assert actions == [book.FAILED, book.ANCHORED, book.FAILED]
    assert check.check(kept.engine, tmp_path, []).faults == []


def test_a_file_is_never_written_over(kept: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.clock, "wall_us", lambda: 1_700_000_000_000_000)
    (first,) = run.anchor(kept.engine, Places(folder=tmp_path))
    (tmp_path / first["target"]).rename(tmp_path / first["target"].replace("8-", "9-"))
    (second,) = run.anchor(kept.engine, Places(folder=tmp_path))
    assert "cannot be written (File exists)" in second["trouble"]


def test_a_broken_end_is_not_anchored(kept: Archive, tmp_path: Path) -> None:
    kept.sql("UPDATE log_entry SET actor = 'eve' WHERE seq = 8")
    with pytest.raises(AnchorError, match="broken at entry 8"):
        run.anchor(kept.engine, Places(folder=tmp_path))
    kept.sql("DELETE FROM log_entry")
    with pytest.raises(AnchorError, match="no newest entry"):
        run.anchor(kept.engine, Places(folder=tmp_path))
    assert list(tmp_path.glob("anchor-*")) == []


def _asked(authority: Authority, body: bytes = b"entry", trusted: Sequence[Any] | None = None) -> stamp.Stamp:
    import hashlib

    known = _trusted(authority) if trusted is None else trusted
    return stamp.ask(body, hashlib.sha256(body).hexdigest(), lambda request: authority.answer(request)[2], known)


def test_a_stamp_that_is_not_what_was_asked_for_is_refused(authority: Authority) -> None:
    good = _asked(authority)
    assert abs(good.at - clock.wall_us()) < 60 * clock.SECOND
    authority.answer = lambda _: (200, "", good.token)  # an older answer: another nonce
    with pytest.raises(AnchorError, match="Nonce"):
        _asked(authority)
    with pytest.raises(AnchorError, match="over something else"):
        _asked(authority, b"other")
    with pytest.raises(AnchorError, match="over something else"):
        stamp.check(good.token, "0" * 64, _trusted(authority))


def test_a_stamp_of_an_authority_that_is_not_trusted_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path).make()
    for known in (_trusted(stranger), stamp.trusted(None), []):
        with pytest.raises(AnchorError):
            _asked(authority, trusted=known)
    assert _asked(authority, trusted=[*_trusted(stranger), *_trusted(authority)]).token


def test_a_refusal_is_told(authority: Authority) -> None:
    authority.answer = lambda _: (200, "", authority.stamp(b"nonsense"))
    with pytest.raises(AnchorError, match="the authority refused"):
        _asked(authority)


def test_no_change_of_a_stamp_passes(authority: Authority) -> None:
    """Every byte, and every length: refused in one line, or (in what nobody signs) still over the same hash."""
    import hashlib

    good, digest, known = _asked(authority), hashlib.sha256(b"entry").hexdigest(), _trusted(authority)
    passed, lines = [], list[str]()
    for place in range(len(good.token)):
        other = bytearray(good.token)
        other[place] ^= 0x01
        try:
            passed.append(stamp.check(bytes(other), digest, known))
        except AnchorError as error:
            lines.append(str(error))
    assert {*passed} <= {good.at}
    assert len(passed) < len(good.token) // 20
    assert [line for line in lines if "\n" in line] == []
    for length in range(0, len(good.token), 7):
        with pytest.raises(AnchorError):
            stamp.check(good.token[:length], digest, known)
    with pytest.raises(AnchorError, match="more than"):
        stamp.check(b"x" * (stamp.MOST_BYTES + 1), digest, known)


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(AnchorError, match="give the authority's certificates as PEM"):
        stamp.trusted(tmp_path / "ca.pem")
    with pytest.raises(AnchorError, match="No such file"):
        stamp.trusted(tmp_path / "none.pem")


def test_without_the_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp, "find_spec", lambda _: None)
    for call in (lambda: stamp.trusted(None), lambda: stamp.check(b"", "", []), lambda: stamp.ask(b"", "", bytes, [])):
        with pytest.raises(AnchorError, match=r"pip install 'standfast\[records\]'"):
            call()


# --- when it is due --------------------------------------------------------------------------------------------------

DAY = 86_400 * clock.SECOND


def test_it_is_done_once_in_its_time_and_again_after_a_failure(
    kept: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, fails = [1_800_000_000 * clock.SECOND], [True]
    monkeypatch.setattr(run.clock, "wall_us", lambda: now[0])
    address = Address("OFFICER", lambda *_: "cannot be reached" if fails else None)
    keeper = run.Keeper(kept.engine, lambda: Places(folder=tmp_path, address=address), DAY)
    tried = []
    for hours in (0, 0.5, 1.5, 3, 3.5, 23, 24.5, 26, 28):
        now[0] = (1_800_000_000 + int(hours * 3600)) * clock.SECOND
        if hours == 3:
            fails.clear()
        keeper.run()
        with reading(kept.engine) as session:
            tried.append([row.place for row in book.rows(session)])
    counts = [(places.count("folder"), places.count("address")) for places in tried]
    assert counts == [(1, 1), (1, 1), (1, 2), (1, 3), (1, 3), (1, 3), (2, 3), (2, 3), (2, 4)]


def test_where_nothing_is_due_nobody_is_asked(kept: Archive) -> None:
    assert run.Keeper(kept.engine, Places, DAY).run() == 0
    assert kept.look().entries == 8
