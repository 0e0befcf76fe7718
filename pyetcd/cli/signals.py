"""The names under which the command's signal handling was first known; it lives with the server that uses it."""

from pyetcd.server.signals import end_by_signal, go_name, on_stop_signals

__all__ = ["end_by_signal", "go_name", "on_stop_signals"]
