"""net: the Twisted edge of the client port.  Sockets, clock and loop turns; what the bytes mean is decided in wire."""
