"""Vault authentication: access and secret tokens of a request, checked against records in a vault."""
