"""``standfast channel``, run in this process on both databases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commands.office import Office

ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text(st.sampled_from("\0\x1b\n\r\t\ud800\udfff\u202e'\";%?-*_.=[]{}1sm/:xhtp"), max_size=20),
    st.sampled_from(
        ["parks", "fire", "outbox", "x", "facebook", "--", "--help", "-", "a=b", "base_url=http://x", "30s"]
    ),
    st.sampled_from(["9" * 400, "a" * 5000, "consumer_key=A", "folder=\ud800", "page_id=1", "..", "/", "~nobody/x"]),
)
FUZZED = settings(
    max_examples=2000 if os.environ.get("HYPOTHESIS_PROFILE") == "full" else 15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_a_channel_is_added_listed_and_tested(office: Office) -> None:
    said = office.run("channel", "add", "fire", "--platform", "outbox", "--group", "safety", "--spacing", "45s")
    assert (said.code, said.out) == (0, "channel fire: added\n")
    again = office.run(
        "channel", "add", "fire", "--platform", "outbox", "--group", "safety", "--spacing", "45s", "--json"
    )
    assert again.data == {"fire": "unchanged"}
    listed = {row["name"]: row for row in office.run("channel", "list", "--json").data}
    assert (listed["fire"]["spacing_s"], listed["fire"]["groups"]) == (45, ["safety"])
    folder = office.city.data_dir / "outbox" / "fire"
    assert listed["fire"]["settings"] == {"folder": str(folder)}
    assert "fire" in office.run("channel", "list").out
    tested = office.run("channel", "test", "fire")
    assert tested.code == 0
    assert tested.out.startswith("channel fire (outbox): ok: ")


def test_a_channel_that_does_not_answer_makes_the_test_fail_with_one_line_each(office: Office) -> None:
    office.run("channel", "add", "fire", "--platform", "outbox")
    said = office.run("channel", "test", "--all")
    assert said.code == 1
    assert [line.split(":")[1] for line in said.out.splitlines()] == [" ok", " FAILED"], "parks has no folder"
    rows = office.run("channel", "test", "--all", "--json")
    assert (rows.code, [row["ok"] for row in rows.data]) == (1, [True, False])


def test_the_secrets_come_from_the_environment_and_dotenv(office: Office) -> None:
    said = office.run(
        *("channel", "add", "page", "--platform", "facebook", "--setting", "page_id=1"),
        *("--url", "http://127.0.0.1:9", "--secret", "page_token=PAGE_TOKEN"),
    )
    assert "warning: channel page: PAGE_TOKEN is not set" in said.err
    assert "page_token (PAGE_TOKEN) is not set" in office.run("channel", "test", "page").out
    (office.city.root / ".env").write_text("PAGE_TOKEN=abc\n")
    answer = office.run("channel", "test", "page").out
    assert "FAILED" in answer
    assert "is not set" not in answer
    assert "abc" not in answer


def test_a_file_of_channels_is_added_whole_or_not_at_all(office: Office) -> None:
    file = Path("channels.toml")
    file.write_text(
        '[channel.a]\nplatform = "outbox"\n[channel.b]\nplatform = "nope"\n[channel.C]\nplatform = "outbox"\n'
    )
    said = office.run("channel", "add", "--file", str(file))
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 2)
    file.write_text('[channel.a]\nplatform = "outbox"\n[channel.b]\nplatform = "outbox"\n')
    assert office.run("channel", "add", "--file", str(file)).out == "channel a: added\nchannel b: added\n"
    assert office.run("channel", "add", "--file", str(file)).out == "channel a: unchanged\nchannel b: unchanged\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add"], "needs a name and --platform"),
        (["add", "fire"], "needs a name and --platform"),
        (["add", "fire", "--platform", "outbox", "--file", "x"], "leave the name and other options out"),
        (["add", "fire", "--platform", "outbox", "--setting", "s3cret"], "--setting number 1 is not NAME=VALUE"),
        (["add", "fire", "--platform", "outbox", "--setting", "a=1", "--setting", "a=2"], "'a' is given twice"),
        (["add", "fire", "--platform", "outbox", "--spacing", "soon"], "'soon' is not a duration"),
        (["add", "--file", "missing.toml"], "missing.toml: cannot be read"),
        (["test"], "name the channels to test, or give --all"),
        (["test", "park"], "there is no channel 'park': did you mean 'parks'"),
    ],
)
def test_a_mistake_is_one_line(office: Office, arguments: list[str], words: str) -> None:
    said = office.fails("channel", *arguments)
    assert words in said
    assert "s3cret" not in said


def test_who_may_not_look_after_channels_is_refused(office: Office) -> None:
    office.run("people", "add", "bo", "--name", "Bo")
    token = office.run("people", "token", "bo", "--json").data["token"]
    for arguments, deed in (
        (("add", "fire", "--platform", "outbox"), "add or change channel fire"),
        (("test", "--all"), "test the sign-in of all channels"),
    ):
        assert f"bo may not {deed}: bo" in office.fails("channel", *arguments, STANDFAST_TOKEN=token)
    assert len(office.run("channel", "list", "--json").data) == 1


@FUZZED
@given(
    name=ANY_TEXT, platform=ANY_TEXT, group=ANY_TEXT, setting=ANY_TEXT, secret=ANY_TEXT, url=ANY_TEXT, spacing=ANY_TEXT
)
def test_no_words_given_to_channel_add_end_in_a_traceback_or_half_a_change(
    office: Office, name: str, platform: str, group: str, setting: str, secret: str, url: str, spacing: str
) -> None:
    options = {"--platform": platform, "--group": group, "--setting": setting, "--secret": secret}
    for words in (
        [f"{option}={word}" for option, word in {**options, "--url": url, "--spacing": spacing}.items()] + ["--", name],
        ["--platform=outbox", f"--group={group}", f"--setting={setting}", f"--spacing={spacing}", "--", "fire"],
        ["--platform=outbox", "--", name],
        [f"--file={name}"],
    ):
        _all_or_nothing(office, "channel", "add", *words)


@FUZZED
@given(name=ANY_TEXT, text=st.one_of(st.text(max_size=80), st.binary(max_size=40)))
def test_no_channels_file_or_name_to_test_ends_in_a_traceback(office: Office, name: str, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    Path("channels.toml").write_bytes(b'[channel.fire]\nplatform = "outbox"\n' + data)
    _all_or_nothing(office, "channel", "add", "--file=channels.toml")
    _all_or_nothing(office, "channel", "test", "--", name)


def _all_or_nothing(office: Office, *arguments: str) -> None:
    before = office.rows("channel", "channel_group")
    said = office.run(*arguments)
    assert said.code in (0, 1, 2)
    assert said.code == 0 or said.err or "FAILED" in said.out
    assert "this is a bug" not in said.err
    if said.code != 0:
        assert office.rows("channel", "channel_group") == before
