"""How commands speak to a person: on standard error, text as it is."""

from __future__ import annotations

from rich.console import Console


def terminal() -> Console:
    """A console that reads no markup, numbers or emoji codes into what servers said."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
