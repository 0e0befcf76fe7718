"""The name under which the readiness notice was first known; it lives with the server that uses it."""

from pyetcd.server.notify import notify_ready

__all__ = ["notify_ready"]
