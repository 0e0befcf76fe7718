"""Multi-version key-value state: etcd's revisions, index, compaction and hashes.  Pure: no I/O but the Backend."""
