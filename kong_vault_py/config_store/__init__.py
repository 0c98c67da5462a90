"""The Config Store's values at rest: master keys, sealed values, and a store in one local file.

The manager keeps the same sealed values in its database. docs/adr/0007 has the format and the reasons.
"""

from __future__ import annotations

from kong_vault_py.config_store.envelope import Envelope
from kong_vault_py.config_store.master_keys import MasterKey, MasterKeys
from kong_vault_py.config_store.refusals import BrokenSealError, WrongMasterKeyError

__all__ = ["BrokenSealError", "Envelope", "MasterKey", "MasterKeys", "WrongMasterKeyError"]
