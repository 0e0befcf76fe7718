"""Leases: who holds which keys until when.  Pure: time is an argument, effects are return values."""
