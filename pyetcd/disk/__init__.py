"""What survives a power cut: the log in etcd's format, the state in RocksDB, the data directory, the writer thread.

The log is the truth and the state a checkpoint of it: an acknowledged write is in a synced log record, and the state
on disk is what some prefix of the log produced (:mod:`pyetcd.disk.recovery` has the rule that joins the two).
"""
