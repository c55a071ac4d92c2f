"""What somebody may not do, in the words that people are told: the log keeps the names of acts (``post.add``) as they are.

Each is the beginning of a sentence that the subject of the refusal ends: "may not queue" "posts on channel parks".
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "action.add": "record a corrective action for",
    "action.done": "close a corrective action of",
    "action.list": "read the corrective actions",
    "channel.add": "add or change channel",
    "channel.approve": "approve channel",
    "channel.authorize": "authorize channel",
    "channel.calendar": "record the content calendar of channel",
    "channel.platform": "decide about the platform",
    "channel.reinstate": "reinstate channel",
    "channel.request": "ask for the authorization of channel",
    "channel.retire": "retire channel",
    "channel.strategy": "record the written strategy of channel",
    "channel.suspend": "suspend channel",
    "channel.test": "test the sign-in of",
    "channel.tool": "decide about the tool",
    "confirm": "confirm",
    "crisis.post": "send",
    "crisis.report": "read the after-action report",
    "dismiss": "dismiss",
    "dispose.approve": "approve",
    "dispose.carry_out": "carry out",
    "dispose.certificate": "read the certificate of",
    "dispose.list": "read the dispositions of records",
    "dispose.propose": "propose a disposition of records",
    "dispose.show": "read",
    "dispose.withdraw": "withdraw",
    "drill": "hold a drill on",
    "hold.add": "place the legal hold",
    "hold.list": "read the legal holds",
    "hold.release": "release the legal hold",
    "inbound.fetch": "fetch what the public writes on",
    "inbound.forward": "pass on what the public writes on",
    "inbound.list": "read what the public writes on",
    "inbound.mark": "mark what the public writes on",
    "mail.intake": "take in mail from",
    "moderation.add": "enter acts of moderation on channel",
    "moderation.export": "export the moderation register",
    "moderation.list": "read the moderation register of",
    "moderation.undo": "take back",
    "notice.test": "send a test notice to",
    "people.add": "add the person",
    "people.ask_spokesperson": "ask for the leave of a spokesperson for",
    "people.delegate": "let somebody stand in for",
    "people.designate": "designate",
    "people.employ": "change the employment or the department of",
    "people.end_delegation": "end",
    "people.end_designation": "end",
    "people.end_spokesperson": "end the leave of",
    "people.grant": "give a role to",
    "people.import": "import people from",
    "people.leave": "record the leaving of",
    "people.review_code": "review the use of",
    "people.revoke": "take a role from",
    "people.revoke_code": "revoke",
    "people.revoke_token": "revoke the token",
    "people.seal": "make sealed codes for",
    "people.sign_spokesperson": "sign for",
    "people.token": "make a token for",
    "people.train": "record a training of",
    "people.untrain": "revoke",
    "post.add": "queue",
    "post.approve": "approve",
    "post.cancel": "cancel",
    "post.close": "say what became of",
    "post.edit": "edit",
    "post.hold": "hold",
    "post.release": "release",
    "post.reschedule": "reschedule",
    "post.return": "send back",
    "post.submit": "hand in",
    "read": "read",
    "records.export": "export the records for",
    "records.search": "search the records",
    "records.timeline": "read the timelines of records",
    "records.anchor": "anchor",
    "remove": "cancel the posts of",
    "sweep": "sweep",
    "sync": "apply",
    "tick": "tick off",
}


def words(action: str, subject: str) -> str:
    """What is done to `subject`, in words; an act that nobody gave words keeps its name, without its signs."""
    return f"{WORDS.get(action, action.replace('_', ' ').replace('.', ' '))} {subject}".strip()


def refused(entry_subject: str) -> str:
    """The subject of a refusal's entry in the log (the act's name and what it was about) in words."""
    action, _, subject = entry_subject.partition(" ")
    return words(action, subject)
