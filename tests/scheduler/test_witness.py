"""The witness: it only rises, and a store behind it was restored."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from scheduler import witness
from scheduler.witness import Seen, WitnessError


def test_it_only_rises(tmp_path: Path) -> None:
    file = witness.file_for(tmp_path / "state", "abc")
    assert file.name == "abc.witness"
    assert witness.read(file) is None
    assert witness.note(file, epoch=3, attempt=10, durable=True) == Seen(3, 10)
    assert witness.note(file, epoch=2) == Seen(3, 10)
    assert witness.note(file, attempt=11) == Seen(3, 11)
    assert witness.read(file) == Seen(3, 11)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_shorter_number_leaves_no_rest_of_a_longer_one(tmp_path: Path) -> None:
    """Both numbers have a fixed width: overwriting in place never mixes two."""
    file = tmp_path / "w"
    witness.note(file, epoch=10**15, attempt=10**18)
    assert witness.read(file) == Seen(10**15, 10**18)
    assert len(file.read_bytes()) <= witness.WIDTH


@pytest.mark.parametrize(
    ("seen", "epoch", "attempt", "used", "says"),
    [
        (None, 1, 0, False, None),
        (None, 1, 0, True, "no witness"),
        (Seen(3, 9), 3, 9, True, None),
        (Seen(3, 9), 4, 12, True, None),
        (Seen(3, 9), 2, 9, True, "epoch 2, this host has seen 3"),
        (Seen(3, 9), 3, 8, True, "newest attempt is 8, this host has seen 9"),
        (Seen(1, 9), 1, 0, False, "newest attempt is 0"),
    ],
)
def test_a_store_behind_its_witness_is_named(
    seen: Seen, epoch: int, attempt: int, used: bool, says: str | None
) -> None:
    why = witness.is_behind(seen, epoch=epoch, attempt=attempt, used=used)
    assert why is says is None or (says is not None and says in str(why))


@pytest.mark.parametrize("content", [b"x", b"1", b"1 2 3", b"\xff 1", b"one two"])
def test_what_is_no_witness_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "w"
    file.write_bytes(content)
    with pytest.raises(WitnessError, match="not a witness's"):
        witness.read(file)
    with pytest.raises(WitnessError, match="not a witness's"):
        witness.note(file, epoch=9)
    assert file.read_bytes() == content


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with pytest.raises(WitnessError, match=str(tmp_path / "w")):
        witness.read(tmp_path / "w")
    with pytest.raises(WitnessError, match=str(tmp_path / "w")):
        witness.note(tmp_path / "w", epoch=1)
    (tmp_path / "file").touch()
    with pytest.raises(WitnessError, match="mend its folder"):
        witness.note(tmp_path / "file" / "w", epoch=1)


def test_many_at_once_leave_the_highest(tmp_path: Path) -> None:
    file = tmp_path / "w"
    numbers = list(range(1, 40))
    threads = [threading.Thread(target=lambda n=n: witness.note(file, epoch=n, attempt=100 - n)) for n in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert witness.read(file) == Seen(39, 99)


def test_the_last_sends_are_remembered_one_by_one(tmp_path: Path) -> None:
    """I3: attempt and post, in a ring whose space is taken at its first use."""
    file = tmp_path / "abc.witness"
    assert witness.sent(file) == {}
    witness.note(file, attempt=7, post=3)
    witness.note(file, attempt=9, post=4)
    witness.note(file, attempt=8)
    assert witness.sent(file) == {7: 3, 9: 4}
    assert witness.read(file) == Seen(0, 9)
    witness.note(file, attempt=7 + witness.SLOTS, post=5)
    assert witness.sent(file) == {7 + witness.SLOTS: 5, 9: 4}
    assert file.with_suffix(".sent").stat().st_size == witness.SLOTS * witness.SLOT
    witness.forget_sent(file)
    assert witness.sent(file) == {}


def test_a_list_of_sends_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "abc.witness"
    file.with_suffix(".sent").write_bytes(b"7 3 1\n")
    with pytest.raises(WitnessError, match="content is not a witness's"):
        witness.sent(file)
    file.with_suffix(".sent").unlink()
    file.with_suffix(".sent").mkdir()
    with pytest.raises(WitnessError, match=r"abc\.sent: Is a directory"):
        witness.sent(file)
    with pytest.raises(WitnessError, match="Is a directory"):
        witness.note(file, attempt=1, post=1)
