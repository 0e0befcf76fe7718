"""bbolt's file format (wire contract 11.3): how official etcd keeps its state, and what every snapshot is.

page.py has the layout of one page, tree.py cuts ordered entries into the nodes of a B+tree, writer.py makes a whole
file of buckets.  meta.py, nodes.py and reader.py read files, which may be damaged; snapshot_file.py says what is in a
snapshot.  Our own state lives in RocksDB: this is for exchange with official servers and tools.
"""
