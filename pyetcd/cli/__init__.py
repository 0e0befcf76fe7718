"""The command ``pyetcd``: the server with etcd's own flags, and sub-commands that are imported when asked for."""
