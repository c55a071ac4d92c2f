"""The rules by name: the clause of the policy that each stands for, in its words, what it looks at, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POLICY = "Social Media Policy 135.000"
_DISCLOSURE = (
    "V, information not subject to disclosure",
    "Information not subject to disclosure under the Texas Public Information Act and other relevant state and federal law. "
    "Examples would include social security numbers and protected health information.",
)
_STANDARDS = (
    "V, professional standards",
    "Information must be presented in accordance with professional standards for good grammar, spelling, brevity, clarity and "
    "accuracy, and avoid jargon, obscure terminology, or acronyms.",
)
_TONE = ("V, tone of the City", 'First-person (but always "we," and never "I")')
_OFFENCE = (
    "V, profanity and derogatory content",
    "Profanity, racist, sexist, obscene or derogatory content or comments",
)
_POLITICAL = (
    "V, political campaigns (and III)",
    "Comments in support of or opposition to political campaigns or ballot measures",
)
_COMMERCIAL = ("V, commercial content (and III)", "Content that solicits or promotes commercial services or products")
_LEGAL = (
    "V, legal information",
    "Legal information: anything to do with pending litigation or legal issue, including attorney-client privileged "
    "communications and/or attorney work product",
)
_OWNED = ("V, legal ownership interest", "Content that violated a legal ownership interest in another party")
_SHARED = ("V, sources", "pay special attention to sources when sharing other posts and/or retweeting")


@dataclass(frozen=True)
class Rule:
    """`clause` is where it stands in the policy, `words` what stands there; `what_to_do` is told with a finding."""

    clause: str
    words: str
    looks_at: str
    what_to_do: str


def _rule(clause: tuple[str, str], looks_at: str, what_to_do: str) -> Rule:
    return Rule(clause[0], clause[1], looks_at, what_to_do)


CATALOG: Mapping[str, Rule] = {
    "ssn": _rule(
        _DISCLOSURE,
        "nine digits written as a social security number (3-2-4, in any script, with signs or invisible characters between), "
        "or any nine digits that words beside them call one; in text, alt text and captions",
        "take the number out",
    ),
    "payment_card": _rule(
        _DISCLOSURE,
        "13 to 19 digits that begin as an issuer's cards do and whose check digit is right; in text, alt text and captions",
        "take the number out",
    ),
    "missing_alt": _rule(
        _STANDARDS,
        "pictures and videos without alt text, or with one that says nothing: a file's name, a placeholder, words for any "
        "picture, a single word, whose it is, the post's own words once more",
        "say in the alt text what it shows",
    ),
    "fancy_letters": _rule(
        _STANDARDS,
        "mathematical, wide, framed, raised, small-capital or turned letters in place of plain ones, letters struck through or "
        "with marks piled on them, look-alikes from other scripts: no screen reader reads them",
        "type the words in plain letters",
    ),
    "platform_length": _rule(_STANDARDS, "the length of the text as its platform counts it", "shorten the text"),
    "health": _rule(
        _DISCLOSURE,
        "words that tie a person to a diagnosis, a treatment or a medical record",
        "take out whatever says who is or was ill",
    ),
    "legal": _rule(
        _LEGAL,
        "words about lawsuits, claims and settlements the city is a party to, and about what its attorneys said",
        "take it out, or have the city attorney look at it",
    ),
    "political": _rule(
        _POLITICAL,
        "words for or against a candidate, campaign or ballot measure; where and when to vote is information and passes",
        "say only where, when and how to vote",
    ),
    "commercial": _rule(
        _COMMERCIAL,
        "offers, prices, promo codes and praise of private businesses",
        "take it out, or name the sponsorship agreement in review",
    ),
    "profanity": _rule(
        _OFFENCE, "vulgar words, also in disguise (signs for letters, letters parted or repeated)", "use another word"
    ),
    "derogatory": _rule(_OFFENCE, "slurs, and words that run down a group of people", "take it out"),
    "first_person": _rule(
        _TONE,
        "I, me, my and mine where the city speaks; not in quotations, titles, numerals (World War I) and names (I Street)",
        "speak as we, us and our",
    ),
    "spelling": _rule(_STANDARDS, "words that neither the dictionary nor the city's list knows", "check the spelling"),
    "grammar": _rule(
        _STANDARDS,
        "plain faults: its and it's, your and you're, a and an, doubled words, crews was",
        "check the grammar",
    ),
    "acronym": _rule(
        _STANDARDS,
        "acronyms that are not on the city's list and not spelled out in the post",
        "spell it out, with the acronym in brackets",
    ),
    "shouting": _rule(
        (
            "III, professional in nature",
            "All official City-related communication through social media and social networking "
            "outlets must remain professional in nature",
        ),
        "words and sentences in capitals, runs of exclamation marks",
        "write it in lower case, with one mark",
    ),
    "hashtag_case": _rule(
        _STANDARDS,
        "hashtags of several words in lower case, which screen readers cannot part",
        "begin each word of the hashtag with a capital (#CityOfPlano)",
    ),
    "emoji_run": _rule(
        _STANDARDS,
        "more than two emoji in a row, and emoji for bullets: a screen reader says the name of each",
        "keep one or two, after the words",
    ),
    "link_text": _rule(
        _STANDARDS,
        "'click here' and shortened links, which do not say where they lead",
        "say what the link leads to, and give the city's own address",
    ),
    "captions": _rule(_STANDARDS, "videos without captions", "add captions"),
    "rights": _rule(_OWNED, "media without a word about whose they are", "say whose it is"),
    "share_source": _rule(
        _SHARED, "shares of other people's posts whose source nobody has checked", "check the source"
    ),
}
"""Every rule, in the order of its findings."""

CHEAP = ("ssn", "payment_card", "fancy_letters")
"""What is looked at in a calendar of a hundred thousand entries: the blocking rules of a text that cost microseconds."""
