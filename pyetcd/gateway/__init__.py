"""HTTP/1.1 on the client port: version, health checks and metrics (wire contract 8.4)."""
