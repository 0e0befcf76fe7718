"""The duel: two servers get the same random calls in lock-step; the first difference is shrunk to a short script."""
