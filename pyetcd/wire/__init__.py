"""wire: bytes ⇄ calls.  HTTP/2 and gRPC as a pure server-side state machine: no socket, no clock, no reactor."""
