"""Lua's ways with numbers, values, patterns and JSON, byte for byte: what Kong's own code sees."""
