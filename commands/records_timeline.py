"""``standfast records timeline``: the story of one post or of one suspension, each line with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.context import Context, Json, UserError, emit, guarded, say, table
from commands.post_options import MOST_ID, out

if TYPE_CHECKING:
    from records.timeline import Story

Post = Annotated[int | None, typer.Option("--post", metavar="N", min=1, max=MOST_ID, help="Of this post.")]
Suspension = Annotated[
    int | None, typer.Option("--suspension", metavar="N", min=1, max=MOST_ID, help="Of this suspension.")
]


def add_to(app: typer.Typer) -> None:
    """Give `app` the command."""
    app.command("timeline")(timeline)


def timeline(post: Post = None, suspension: Suspension = None, json: Json = False) -> None:
    """Tell what happened to a post or in a suspension, with the proof of each line. Needs the right to see records."""
    with guarded() as context:
        if (post is None) == (suspension is None):
            raise UserError("say of what: --post N or --suspension N")
        context.require("records", action="records.timeline", subject="")
        found, head = _read(context, post, suspension)
        if json:
            return emit(_as_data(found, head))
        return _tell(found, head)


def _read(context: Context, post: int | None, suspension: int | None) -> tuple[Story, dict[str, Any]]:
    from commands.records_search import up_to_date
    from records import log, timeline
    from store.engine import reading

    up_to_date(context)
    with reading(context.engine) as session:
        found = timeline.of_post(session, post) if post else timeline.of_suspension(session, suspension or 0)
    if found is None:
        what = f"post {post}: `standfast post list`" if post else f"suspension {suspension}: `standfast crisis status`"
        raise UserError(f"there is no {what} shows what there is")
    newest = log.entries(context.engine, limit=1)
    return found, {"seq": newest[-1]["seq"], "hash": newest[-1]["hash"]} if newest else {"seq": 0, "hash": ""}


def _as_data(story: Story, head: dict[str, Any]) -> dict[str, Any]:
    from config import clock

    about = {name: clock.to_text(value) if _is_moment(name, value) else value for name, value in story.about.items()}
    events = [
        {"at": clock.to_text(e.at), "who": e.who, "what": e.words, "said": e.said, "proof": e.proof}
        for e in story.events
    ]
    return {"about": about, "events": events, "head": head}


def _is_moment(name: str, value: Any) -> bool:
    return value is not None and (name == "at" or name.endswith("_at"))


def _tell(story: Story, head: dict[str, Any]) -> None:
    data = _as_data(story, head)
    table(("field", "value"), [(name, value) for name, value in data["about"].items() if value not in (None, "", 0)])
    out("")
    rows = [(e["at"], e["who"], e["what"], e["said"], e["proof"]) for e in data["events"]]
    table(("when", "who", "what", "said", "proof"), rows)
    say(
        f"the log's newest entry is {head['seq']}, hash {head['hash']}; `standfast records verify` checks all that stands here"
    )
