"""Vault entities of a group, as Kong's Admin API has them, with their credentials sealed."""
