"""Words and addresses that do not say where a link leads, and those that do."""

from __future__ import annotations

import pytest

from tests.policy.support import quotes


@pytest.mark.parametrize(
    "text",
    [
        *(
            "More info here: https://plano.gov",
            "The agenda is posted. Read it here.",
            "Register here by Friday.",
            "Sign up here!",
        ),
        *("The link is in our bio.", "See the link below.", "Tap the link in the first comment.", "Swipe up to apply."),
        *("Take our survey here.", "Click the image to enlarge it.", "Haga clic aquí.", "Más información aquí"),
        *("Details: t.ly/Ab3", "Photos: https://photos.app.goo.gl/abc", "Survey: forms.gle/Xy12", "See abc.re/4Gh7Kq."),
    ],
)
def test_a_link_that_does_not_say_where_it_leads_is_found(text: str) -> None:
    """CT-4"""
    assert quotes(text, "link_text") != []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Learn more at plano.gov/trees.",
            "Register at plano.gov/rec2026.",
            "Watch live on plano.tv/live2.",
            "We are here to help.",
        ),
        *(
            "Tap water is safe. Click It or Ticket begins.",
            "The trail links two parks.",
            "The link between sleep and health",
        ),
        *("Donate blood here at the library at noon.", "Crews at this site found bones.", "Park here and walk."),
    ],
)
def test_an_address_in_plain_words_passes(text: str) -> None:
    """CT-5"""
    assert quotes(text, "link_text") == []
