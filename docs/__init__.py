"""The documentation, and what fills its tables."""
