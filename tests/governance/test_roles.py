from __future__ import annotations

from pathlib import Path

import pytest

from governance import roles


def _file(folder: Path, text: str) -> Path:
    path = folder / "roles.toml"
    path.write_text(text, encoding="utf-8")
    return path


STEWARD = (
    '[steward]\npermissions = ["suspend", "resume", "emergency", "queue", "release", "override", "people", '
    '"channels", "records"]\n'
)


def test_shipped_roles_say_who_stops_and_who_resumes() -> None:
    shipped = roles.read(roles.SHIPPED)
    assert shipped["steward"] == frozenset(roles.PERMISSIONS)
    assert shipped["director"] == {"suspend", "resume", "override"}
    assert shipped["operator"] == {"suspend", "resume", "release", "queue"}
    assert shipped["administrator"] == {"queue"}
    assert shipped["records_officer"] == {"records"}


def test_a_city_gives_its_own_roles(tmp_path: Path) -> None:
    roles.use(_file(tmp_path, STEWARD + '[clerk]\nabout = "types"\npermissions = ["queue"]\n'))
    assert roles.in_force()["clerk"] == {"queue"}
    assert "director" not in roles.in_force()
    assert roles.holding("queue") == ["clerk", "steward"]


def test_the_settings_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `use`, as on the crisis path, the file of the settings counts, relative to the settings file."""
    _file(tmp_path, STEWARD + '[clerk]\npermissions = ["queue"]\n')
    (tmp_path / "standfast.toml").write_text('roles = "roles.toml"\n')
    monkeypatch.setenv("STANDFAST_CONFIG", str(tmp_path / "standfast.toml"))
    monkeypatch.setattr(roles._Current, "roles", None)
    assert set(roles.in_force()) == {"steward", "clerk"}


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = STEWARD + '[a]\npermissions = ["suspendd", "fly"]\n[b]\nright = 1\n[c]\npermissions = []\npower = 3\n'
    with pytest.raises(roles.RolesError) as caught:
        roles.read(_file(tmp_path, text))
    faults = caught.value.faults
    assert len(faults) == 4
    assert "'suspendd' is not a permission: did you mean 'suspend'?" in faults[0]
    assert "'fly'" in faults[1]
    assert "choose one of channels, emergency, override, people" in faults[1]
    assert "role 'b' has no list of permissions" in faults[2]
    assert "'power' is not known" in faults[3]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('[clerk]\npermissions = ["queue"]\n', "role 'steward' lacks suspend, resume"),
        (STEWARD.replace('"people", ', ""), "role 'steward' lacks people"),
        ("steward = 1", "has no list of permissions"),
        ("[steward", "cannot be read"),
        ("", "role 'steward' lacks"),
    ],
)
def test_a_file_that_could_lock_the_city_out_is_refused(tmp_path: Path, text: str, part: str) -> None:
    before = roles.in_force()
    with pytest.raises(roles.RolesError, match=r"roles\.toml") as caught:
        roles.use(_file(tmp_path, text))
    assert part in str(caught.value)
    assert roles.in_force() == before


def test_a_missing_or_binary_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.toml", tmp_path / "binary", tmp_path):
        with pytest.raises(roles.RolesError) as caught:
            roles.read(path)
        assert len(str(caught.value).splitlines()) == 1
