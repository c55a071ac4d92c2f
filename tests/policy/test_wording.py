"""What the city does not say, in plain words and in disguise; and the names and idioms that sound like it."""

from __future__ import annotations

from datetime import date

import pytest

from policy import rules
from policy.checks import Checks
from policy.post import Post
from tests.policy.support import found, quotes

IDIOMS = (
    "I-75 closes at 15th Street tonight.",
    "Crews are on I Street between 10th and 12th.",
    "World War I changed our town.",
    "Dick Van Dyke Park reopens on Friday.",
    "Prop up the tree with two stakes.",
    "Cockrell Hill Road is closed. Six paintings come from Essex, and rails once came from Scunthorpe.",
    "Pussy Willow Trail is muddy.",
    "The dam is sound.",
    "Title I schools can borrow the planetarium.",
    "Our Tudor series continues with Elizabeth I on Wednesday.",
    "Vote for your favorite mural by Friday.",
    "Today is election day. Polling places are open until 7 p.m.",
    "The Citizens Academy is looking for candidates!",
    "The mountain bike trial needs no wetsuit, and the discovery center is open.",
    "Please be patient on Spring Creek Parkway.",
    "Swim for $5 at the gate.",
    "Thank you to our sponsors under agreement.",
    "Taste the dishes of Hell's Kitchen at the library.",
)
CIVIC = (
    "Filing for city council opens January 15. Candidates for mayor answer questions at a forum on Thursday.",
    "Proposition A asks voters whether to issue street bonds. Proposition B is for parks.",
    "The Republican and Democratic primary runoffs share polling places this year.",
    "Council will canvass the election returns on Monday. Early voting runs through April 29.",
    "Join us for Movie Night in the Park. We love Plano Parks and Recreation volunteers!",
    "Ms. Okafor was sworn in for another term on the library board. The Wildcats defeat Frisco, 3 to 1.",
    "Flu shots are free on Friday. Mosquitoes near Parkwood tested positive for West Nile virus.",
    "Adopt Biscuit! He was treated for heartworm. Luna the cat had surgery on her leg.",
    "Know the signs of a stroke. A support group for caregivers of people with dementia meets on Monday.",
    "Two people were taken to a hospital after a crash. Bring your card and your date of birth.",
    "Council met in executive session, then voted in open session. The zoning case is heard on May 5.",
    "New tennis courts open at High Point. The court clerk can set up a payment plan.",
    "Damage from hail? Call your insurance company to file a claim, and check a roofer's permit.",
    "Pool passes are on sale now. The plant sale at the garden has tomatoes for $3 each.",
    "Clearance under the bridge is 12 feet. Coupons for free mulch come with your June water bill.",
    "Crypto scams are up: the city never asks for gift cards. Fix leaks to lower your water bill.",
    "Thank you for your kind words. The bat house is the first of its kind. A portrait of a girl hangs here.",
    "Chinks in the cabin's walls were filled with clay. The app is idiot-proof. Muslims are celebrating Eid.",
    "The vacuum truck sucks up debris. Throw the balls to the kids. Homo sapiens came later.",
    "Text FLOOD to 888777. You must obey the STOP sign.",
)


@pytest.mark.parametrize("text", [*IDIOMS, *CIVIC])
def test_names_and_idioms_trip_nothing(text: str) -> None:
    """CT-5"""
    assert found(text) == []


@pytest.mark.parametrize(
    ("rule", "text", "quote"),
    [
        ("profanity", "Well, damn, that was rain.", "damn"),
        ("profanity", "What the h3ll is that?", "h3ll"),
        ("profanity", "Litter s-u-c-k-s.", "s-u-c-k-s"),
        ("profanity", "It is b u l l s h i t.", "b u l l s h i t"),
        ("profanity", "No sh!t.", "sh!t"),
        ("profanity", "What a f**king day", "f**king"),
        ("profanity", "No shіt here, with a Cyrillic letter.", "shіt"),
        ("profanity", "fuuuck", "fuuuck"),
        ("political", "Vote yes on Proposition B.", "Vote yes"),
        ("political", "Re-elect Mayor Hollis.", "Re-elect"),
        ("commercial", "Use promo code Grin25 for 25 percent off.", "Use promo code"),
        ("legal", "This is attorney-client privileged.", "attorney-client"),
        ("health", "Harold Finch was diagnosed with cancer.", "was diagnosed with"),
        ("derogatory", "Those junkies again.", "Those junkies"),
        ("health", "Wanda's chemo starts on Monday.", "Wanda's chemo"),
        ("health", "The mayor had his gallbladder removed.", "The mayor had his gallbladder"),
        ("health", "Pete in Streets is home after a triple bypass.", "is home after a triple bypass"),
        ("legal", "The city will pay $1.2 million to end the case.", "pay $1.2 million to end"),
        ("legal", "The developer took us to court.", "took us to court"),
        ("legal", "Per counsel, nobody may speak.", "Per counsel"),
        ("political", "The library levy is a tax grab.", "library levy is a tax grab"),
        ("political", "Vote Hernandez!", "Vote Hernandez"),
        ("political", "Dump Mayor Finch.", "Dump Mayor Finch"),
        ("commercial", "Kids eat free at Burger Barn.", "Kids eat free"),
        ("commercial", "Visit Legacy Jewelers for all your ring needs.", "for all your ring needs"),
        ("commercial", "Need a plumber? Call Rooter Kings.", "Need a plumber"),
        ("derogatory", "No girls, they only scare the fish.", "No girls,"),
        ("derogatory", "Immigrants bring crime.", "Immigrants bring crime"),
        ("derogatory", "So easy, even your grandma can use it.", "even your grandma"),
    ],
)
def test_what_is_not_said_is_found_and_sent_to_review(rule: str, text: str, quote: str) -> None:
    """CT-4: leetspeak, letters parted by signs, repeated, starred and borrowed from other scripts among it."""
    hits = [finding for finding in found(text, rule) if quote in (finding.quote, finding.quote[: len(quote)])]
    assert [(hit.level, hit.rule) for hit in hits[:1]] == [("review", rule)]


def test_a_link_a_handle_and_a_hashtag_are_no_prose() -> None:
    """CT-5"""
    assert quotes("See https://plano.gov/shit and @shit and #shit", "profanity") == []


def test_in_an_election_window_politics_are_blocked() -> None:
    """CT-2: by the day on which the post goes out; first and last day included."""
    shipped = rules.read(None)
    window = rules.Election("General", date(2026, 10, 1), date(2026, 11, 3))
    checks = Checks(rules.Rules(shipped.levels, shipped.lists, (window,)))
    levels = [
        checks.run(Post("Vote yes on Proposition B.", day=day), {"political"})[0].level
        for day in (date(2026, 9, 30), date(2026, 10, 1), date(2026, 11, 3), date(2026, 11, 4))
    ]
    assert levels == ["review", "block", "block", "review"]
    off = rules.Rules({**shipped.levels, "political": "off"}, shipped.lists, (window,))
    by_day = [Checks(off).run(Post("Vote yes on Proposition B.", day=date(2026, month, 15))) for month in (9, 10)]
    assert [[finding.level for finding in found_then] for found_then in by_day] == [[], ["block"]]
