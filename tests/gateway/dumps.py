"""The dump that most tests of the gateway use."""

from __future__ import annotations

#: The dump of a plugin with every phase an external plugin can have.
DUMP = [
    {
        "Name": "demo",
        "Phases": ["rewrite", "access", "response", "log"],
        "Priority": 10,
        "Version": "1.0",
        "Schema": {
            "name": "demo",
            "fields": [{"config": {"type": "record", "fields": [{"message": {"type": "string"}}]}}],
        },
    }
]
