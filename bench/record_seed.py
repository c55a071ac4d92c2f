"""Many records with their rows of the index, laid down by the database itself: no program could write a million so fast."""

from __future__ import annotations

from sqlalchemy import Engine, text

from bench import seed
from config import clock

EVERY_US = 60 * clock.SECOND
"""Between two records."""
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
WORDS = """'pool library w' || (i % 50000) || CASE WHEN i % 1000 = 7 THEN ' seldom' ELSE ' daily' END
  || CASE WHEN i < :count / 5 THEN ' bygone' ELSE '' END"""
"""Words that are in each, in one of a thousand, in one of fifty thousand, and in none but the oldest."""
HEX = {"sqlite": "lower(hex({0}))", "postgresql": "encode(convert_to({0}, 'UTF8'), 'hex')"}
MONTH = {
    "sqlite": "strftime('%Y%m', (:first + i * :every) / 1000000, 'unixepoch')",
    "postgresql": "to_char(to_timestamp((:first + i * :every) / 1000000) AT TIME ZONE 'UTC', 'YYYYMM')",
}
RECORD = """INSERT INTO record
  (series, subject, at, kept_at, actor, channel, mime, facts, sha256, size, hash, entry_seq) {numbers}
  SELECT 'inbound', 'reply ' || i, :first + i * :every, :first, '', {channel}, 'text/plain', '{{}}', 'sha-' || i, 0,
  'hash-' || i, 1 FROM n"""
CONTENT = "INSERT INTO record_content (sha256, body) {numbers} SELECT 'sha-' || i, {body} FROM n"
BODY = {"sqlite": "CAST({0} AS BLOB)", "postgresql": "convert_to({0}, 'UTF8')"}
ROW = {
    "sqlite": "INSERT INTO record_words (rowid, words, tags) {numbers} SELECT i, {words}, {series} || ' ' || {channel_tag} "
    "|| ' ' || {month} FROM n",
    "postgresql": "INSERT INTO record_words (number, words, tags) {numbers} SELECT i, to_tsvector('simple', {words}), "
    "array_to_tsvector(ARRAY[{series}, {channel_tag}, {month}]) FROM n",
}


def lay_down(engine: Engine, count: int) -> None:
    """`count` records of what the public wrote, one a minute until now, with their rows of the index."""
    kind = engine.dialect.name
    channel = seed.CHANNEL_OF[kind]
    parts = {
        "numbers": NUMBERS,
        "channel": channel,
        "words": WORDS,
        "body": BODY[kind].format(WORDS),
        "series": f"'s:' || {HEX[kind].format(chr(39) + 'inbound' + chr(39))}",
        "channel_tag": f"'c:' || {HEX[kind].format(channel)}",
        "month": f"'m:' || {MONTH[kind]}",
    }
    first = clock.wall_us() - (count + 1) * EVERY_US
    values = {"count": count, "first": first, "every": EVERY_US, "channels": seed.CHANNELS}
    with engine.begin() as connection:
        for form in (RECORD, CONTENT, ROW[kind]):
            statement = form.format(**parts)
            connection.execute(
                text(statement), {name: value for name, value in values.items() if f":{name}" in statement}
            )
    seed.tidy(engine)
