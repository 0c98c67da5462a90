"""Who may do what: users, roles, tokens, sessions, nodes and their policies."""
