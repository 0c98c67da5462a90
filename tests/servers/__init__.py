"""Real servers for tests and for the demo: plain classes, no pytest in here."""
