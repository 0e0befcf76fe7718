"""The heart: propose, wait for apply, answer; linearizable reads; lease expiry; compaction pacing."""
