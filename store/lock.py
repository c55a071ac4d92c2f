"""The name of the store's lock on PostgreSQL, for the ORM's sessions and the switch alike (plain value, no imports)."""

LOCK_KEY = 0x57A4DFA57
"""The advisory lock's key: shared by every writer, exclusive for crisis and resume."""
CALENDAR_LOCK = 0x57A4DF
"""The first half of the key of a calendar's own lock: whoever changes a file's posts in one long piece holds it alone."""
