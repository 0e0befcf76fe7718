"""The command's own rooms: flags, configuration, identity, logs, and the assembly of one member out of them."""
