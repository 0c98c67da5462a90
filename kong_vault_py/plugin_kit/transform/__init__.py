"""Changing a request on its way to the upstream, apart from the PDK: rules, and what they do to each part."""
