"""One gRPC service per file: decode, check the arguments, ask the member, assemble the answer."""
