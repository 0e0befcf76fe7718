"""Stress: concurrent traffic on one store, and a judgement of what its clients saw."""
