"""Users, roles, permissions, tokens and passwords: who may do what (wire contract, section 5)."""
