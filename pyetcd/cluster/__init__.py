"""Who belongs to the cluster, which release it speaks, and what is wrong with it."""
