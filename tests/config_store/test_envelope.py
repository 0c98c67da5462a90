"""Sealed values: they open with the right key and name alone, and nothing about them can be changed unnoticed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kong_vault_py.config_store import BrokenSealError, Envelope, WrongMasterKeyError
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.errors import ConfigError
from tests.config_store.keys import envelope, master_keys

ABOUT = b"store/redis/1"


@pytest.mark.parametrize("value", [b"", b"pw", "grüße 🔑".encode(), bytes(range(256)) * 256])
def test_what_is_sealed_opens(value: bytes) -> None:
    safe = envelope()

    sealed = safe.seal(value, ABOUT)

    assert safe.open(sealed, ABOUT) == value
    assert len(sealed) == len(value) + 100


def test_nothing_of_the_value_shows_and_no_two_seals_are_alike() -> None:
    safe = envelope()

    first, second = safe.seal(b"canary-value", ABOUT), safe.seal(b"canary-value", ABOUT)

    assert b"canary" not in first
    # Neither the wrapped data keys nor the values have a byte string in common.
    assert first[12:72] != second[12:72]
    assert first[72:] != second[72:]


def test_the_format_is_the_documented_one() -> None:
    keys = master_keys()
    sealed = Envelope(keys).seal(b"pw", ABOUT)
    master = keys.current

    data_key = master.cipher.decrypt(sealed[12:24], sealed[24:72], b"KVS1 data key\0" + master.id)

    assert sealed[:12] == b"KVS1" + master.id
    assert AESGCM(data_key).decrypt(sealed[72:84], sealed[84:], b"KVS1 value\0" + ABOUT) == b"pw"


def test_another_master_key_is_refused_by_its_id_and_no_key_is_told() -> None:
    text, other = new_key_text(), new_key_text()
    sealed = envelope(text).seal(b"canary-value", ABOUT)

    with pytest.raises(WrongMasterKeyError, match="wrong master key: the value is sealed with key") as caught:
        envelope(other).open(sealed, ABOUT)

    message = str(caught.value)
    assert isinstance(caught.value, ConfigError)
    assert message.isprintable()
    assert Envelope.key_id(sealed) in message
    assert text not in message
    assert other not in message


@pytest.mark.parametrize("about", [b"store/redis/2", b"store/other/1", b""])
def test_a_value_opens_under_its_own_name_alone(about: bytes) -> None:
    safe = envelope()

    with pytest.raises(BrokenSealError, match="the value of another name"):
        safe.open(safe.seal(b"pw", ABOUT), about)


def test_no_byte_can_be_changed() -> None:
    safe = envelope()
    sealed = safe.seal(b"pw", ABOUT)

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(WrongMasterKeyError):
            safe.open(bytes(changed), ABOUT)


def test_no_byte_can_be_cut_off_or_added() -> None:
    safe = envelope()
    sealed = safe.seal(b"pw", ABOUT)

    for other in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0"]:
        with pytest.raises(BrokenSealError):
            safe.open(other, ABOUT)


def test_parts_of_two_values_do_not_make_a_third() -> None:
    safe = envelope()
    one, two = safe.seal(b"one", ABOUT), safe.seal(b"two", ABOUT)

    with pytest.raises(BrokenSealError):
        safe.open(one[:72] + two[72:], ABOUT)


def test_a_rotation_changes_the_wrapping_alone() -> None:
    old, new = new_key_text(), new_key_text()
    sealed = envelope(old).seal(b"pw", ABOUT)
    both = envelope(new, old)

    rewrapped = both.rewrap(sealed)

    assert both.open(sealed, ABOUT) == b"pw"
    assert rewrapped[72:] == sealed[72:]
    assert envelope(new).open(rewrapped, ABOUT) == b"pw"
    with pytest.raises(WrongMasterKeyError):
        envelope(old).open(rewrapped, ABOUT)
    assert both.rewrap(rewrapped) is rewrapped


def test_importing_the_store_loads_no_cryptography() -> None:
    code = "import sys, kong_vault_py.config_store.store_file; sys.exit('cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
