from __future__ import annotations

from pathlib import Path

import pytest

from governance import login_file


def _environ(folder: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(folder), "HOME": "/nonexistent"}


def test_a_token_is_found_by_the_data_directory(tmp_path: Path) -> None:
    environ = _environ(tmp_path)
    file = login_file.store(tmp_path / "a", environ, "sf_a")
    login_file.store(tmp_path / "b", environ, "sf_b")
    assert file == tmp_path / "standfast" / "login.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert login_file.token_for(tmp_path / "a", environ) == "sf_a"
    assert login_file.token_for(tmp_path / "b", environ) == "sf_b"
    assert login_file.token_for(tmp_path / "c", environ) is None


def test_the_variable_goes_first(tmp_path: Path) -> None:
    environ = _environ(tmp_path)
    login_file.store(tmp_path, environ, "sf_file")
    assert login_file.token_for(tmp_path, {**environ, "STANDFAST_TOKEN": "sf_env"}) == "sf_env"
    assert login_file.token_for(tmp_path, {**environ, "STANDFAST_TOKEN": ""}) == "sf_file"


def test_forgetting_leaves_the_others(tmp_path: Path) -> None:
    environ = _environ(tmp_path)
    login_file.store(tmp_path / "a", environ, "sf_a")
    login_file.store(tmp_path / "b", environ, "sf_b")
    assert login_file.forget(tmp_path / "a", environ)
    assert not login_file.forget(tmp_path / "a", environ)
    assert login_file.token_for(tmp_path / "a", environ) is None
    assert login_file.token_for(tmp_path / "b", environ) == "sf_b"


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '{"x": 3}'])
def test_a_broken_file_is_nobody_and_can_be_replaced(tmp_path: Path, text: str) -> None:
    environ = _environ(tmp_path)
    file = login_file.file_of(environ)
    file.parent.mkdir()
    file.write_text(text)
    assert login_file.token_for(tmp_path, environ) is None
    login_file.store(tmp_path, environ, "sf_new")
    assert login_file.token_for(tmp_path, environ) == "sf_new"


def test_without_a_home_nobody_is_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert login_file.token_for(tmp_path, {}) is None
