"""What can come of a publish call, one class per outcome that the protocol treats differently.

    PublishError
    ├── NotSent       proof that no request was written: safe to try again by itself
    ├── Refused       the platform answered, documented, that it did not take the post
    │   ├── RateLimited   … now; `retry_after_s` says when (None: it did not say)
    │   ├── SignIn        … because the account's credentials are not (or no longer) good
    │   └── Rejected      … for good
    └── Uncertain     a request may have been written and its effect is not known: reconcile, never repeat
        └── Duplicate     the platform says that it already has this very post

CannotTell is of looks alone: the platform could not be asked. So is Unfinished: it was asked, and there is more.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of all that a connector raises. `detail` is one line without secrets; `code` is the platform's own."""

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class PublishError(ConnectorError):
    """Base of the outcomes of `publish` (and `prepare`) other than success."""

    outcome = "unknown"


class NotSent(PublishError):
    """No byte of the request was written."""

    outcome = "not_sent"


class Refused(PublishError):
    """The platform answered that it did not take the post."""

    outcome = "rejected"


class RateLimited(Refused):
    """Too many requests; try again after `retry_after_s` seconds (None: the platform did not say)."""

    outcome = "rate_limited"

    def __init__(self, detail: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after_s = retry_after_s


class SignIn(Refused):
    """The platform does not accept the account's credentials."""

    outcome = "sign_in"


class Rejected(Refused):
    """The platform will not take this post."""

    outcome = "rejected"


class Uncertain(PublishError):
    """The request may have arrived; what came of it is not known."""

    outcome = "unknown"


class Duplicate(Uncertain):
    """The platform says it already has this post: look for it."""

    outcome = "duplicate"


class CannotTell(ConnectorError):
    """The platform could not be asked whether it has a post."""


class Unfinished(ConnectorError):
    """There is more than one look reads: of the window, what is not newer than `until_us` (wall µs) is still to be read."""

    def __init__(self, detail: str, until_us: int) -> None:
        super().__init__(detail)
        self.until_us = until_us


class AccountError(ConnectorError):
    """The channel's account lacks something: the message names the setting and the remedy."""
