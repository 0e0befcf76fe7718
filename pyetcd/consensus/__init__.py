"""Agreement on one log: raft's records as bytes, the Ready contract, and the engine of a single voter.

Pure: no clock, disk, network or thread.  An engine is told what happened (a proposal, a batch now on disk, a tick) and
hands out :class:`~pyetcd.consensus.ready.Ready` values that say what to write, apply and send, in which order.
"""

from pyetcd.consensus.conf_change import bootstrap_entries, decode_conf_change, encode_conf_change
from pyetcd.consensus.engine import Engine, Role
from pyetcd.consensus.ready import ReadState, Ready
from pyetcd.consensus.records import ConfState, Entry, EntryType, HardState
from pyetcd.consensus.solo import SoloEngine

__all__ = [
    "ConfState",
    "Engine",
    "Entry",
    "EntryType",
    "HardState",
    "ReadState",
    "Ready",
    "Role",
    "SoloEngine",
    "bootstrap_entries",
    "decode_conf_change",
    "encode_conf_change",
]
