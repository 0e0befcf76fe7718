"""pyetcd: an etcd member in Python, bit for bit on the wire."""
