"""What vault-rate-limiting is made of: windows, counters in memory and in Redis, identifiers, headers."""
