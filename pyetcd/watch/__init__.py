"""Watch: who wants to hear of which keys, and how far each has got.  Pure: no I/O, no clock."""
