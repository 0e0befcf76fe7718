"""Carrying committed log entries into the state: deterministic, and the only code that changes the store."""
