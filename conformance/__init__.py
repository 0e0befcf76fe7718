"""The judge: compares any etcd-compatible endpoint with recordings of official etcd 3.7.1, byte by byte.

A leaf: it knows the generated messages and nothing else of pyetcd, so it can judge any server.
"""

if __name__ != "pyetcd.conformance":
    raise ImportError("import pyetcd.conformance; the bare folder name would make a second copy of every class")
