"""The audit: append-only, each entry authenticated together with the one before."""
