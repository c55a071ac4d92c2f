"""Tiers of approval and the words of attestation are the city's data, read whole or refused with every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import clock
from governance import tiers
from governance.tiers import TierError

SHIPPED = tiers.SHIPPED.read_text(encoding="utf-8")
POLICY = (
    "Confidential or proprietary information",
    "Content that violated a legal ownership interest in another party",
    "Profanity, racist, sexist, obscene or derogatory content or comments",
    "False or defamatory comments",
    "Comments in support of or opposition to political campaigns or ballot measures",
    "Content that solicits or promotes commercial services or products",
    "Legal information: anything to do with pending litigation or legal issue, including attorney-client privileged "
    "communications and/or attorney work product",
    "Information not subject to disclosure under the Texas Public Information Act and other relevant state and federal law",
    "Threat of physical harm or intentional disruption of City operations",
    "Advocating for or causing the damage or destruction of City property, illegal discrimination, or harassment "
    "(including sexual harassment)",
)


def read(tmp_path: Path, text: str) -> tiers.Tiers:
    """The tiers of a file with this text."""
    file = tmp_path / f"{abs(hash(text))}.toml"
    file.write_text(text, encoding="utf-8")
    return tiers.read(file)


def test_the_shipped_attestation_is_the_policy_s_ten_categories() -> None:
    """CT-6: word for word."""
    assert tiers.read(tiers.SHIPPED).categories == POLICY


def test_of_the_rules_that_fit_the_strictest_counts(tmp_path: Path) -> None:
    """CT-1: by channel or by topic, else the standard tier."""
    found = read(
        tmp_path,
        SHIPPED
        + '[tier.light]\napprovals = 0\nwindow = "1h"\nexpires = "1d"\n'
        + '[[rule]]\ntier = "light"\nchannels = ["library"]\n',
    )
    assert found.of("parks", ()).name == "standard"
    assert found.of("parks", ("pool", "election")).name == "sensitive"
    assert found.of("library", ()).name == "light"
    assert found.of("library", ("election",)).name == "sensitive"
    light = found.tiers["light"]
    assert (light.approvals, light.window_us, light.expires_us) == (0, 3600 * clock.SECOND, 86400 * clock.SECOND)


def test_of_two_tiers_the_one_that_fewer_may_approve_is_stricter(tmp_path: Path) -> None:
    """CT-1: each role that a tier names lets more people approve; one that names none lets everybody who may."""
    rows = {"director": '["director"]', "either": '["director", "steward"]', "anybody": "[]"}
    made = "".join(
        f'[tier.{name}]\napprovals = 1\nroles = {held}\nwindow = "1h"\nexpires = "1d"\n'
        f'[[rule]]\ntier = "{name}"\ntags = ["{name}"]\n'
        for name, held in rows.items()
    )
    found = read(tmp_path, SHIPPED + made)
    assert found.of("parks", ("anybody", "either")).name == "either"
    assert found.of("parks", ("anybody", "either", "director")).name == "director"


FAULTS = {
    "approvals = 1": [("approvals = 10", "approvals must be a number"), ("approvals = true", "approvals must be a number")],
    'window = "24h"': [('window = "soon"', "window must be a duration"), ("", "window must be a duration")],
    'expires = "60d"': [('expires = "99999d"', "expires must be a duration"), ("expires = [1]", "expires must be a")],
    "[tier.standard]": [("[tier.other]", "there is no [tier.standard]")],
    'about = "Everything that no rule names."': [
        ("abaut = 1", "'abaut' is not known"), ('roles = "director"', "roles must be a list"),
    ],
    'tier = "sensitive"': [('tier = "sensitiv"', "did you mean 'sensitive'"), ("other = 1", "a rule has a tier")],
    'tags = ["election", "litigation", "personnel", "condolence"]': [("tags = []", "it fits nothing"), ("", "it fits nothing")],
    "[attestation]": [("[attest]", "'attest' is not known here"), ("[attest]", "there is no [attestation]")],
    'approvals = 2': [("approvals = 2\n[tier]\nx = 1", "")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(key, after, words) for key, rows in FAULTS.items() for after, words in rows]
)
def test_a_mistake_is_named_with_its_remedy(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in SHIPPED
    with pytest.raises(TierError) as caught:
        read(tmp_path, SHIPPED.replace(before, after, 1))
    assert expected in str(caught.value)
    assert all(line.startswith(str(tmp_path)) for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    "text", ["tier = 1", "[tier.standard]\n", "tier.standard = 1", "rule = 1", "[[tier]]", "x", ""]
)
def test_no_text_makes_more_than_a_fault(tmp_path: Path, text: str) -> None:
    with pytest.raises(TierError):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TierError, match=r"none\.toml: .* cannot be read \(No such file"):
        tiers.of_settings(tmp_path, Path("none.toml"))
    assert tiers.of_settings(tmp_path, None) == tiers.read(tiers.SHIPPED)
