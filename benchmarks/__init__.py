"""Measurements against peers, side by side in one run. ``make bench`` runs all; a ratio is what to trust."""
