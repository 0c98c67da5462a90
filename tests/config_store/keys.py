"""Master keys for tests."""

from __future__ import annotations

from kong_vault_py.config_store import Envelope, MasterKeys
from kong_vault_py.config_store.master_keys import new_key_text


def master_keys(*texts: str) -> MasterKeys:
    """Return keys of these texts, or of a new one."""
    return MasterKeys.parse("\n".join(texts or [new_key_text()]), "the test")


def envelope(*texts: str) -> Envelope:
    """Return an envelope with the keys of these texts, or with a new one."""
    return Envelope(master_keys(*texts))
