"""The name of the store's lock on PostgreSQL, for the ORM's sessions and the switch alike (plain value, no imports)."""

LOCK_KEY = 0x57A4DFA57
"""The advisory lock's key: shared by every writer, exclusive for crisis and resume."""
