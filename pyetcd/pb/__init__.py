"""etcd's protobuf messages, generated from protos/etcd by protos/generate.py; do not edit the *_pb2 files."""
