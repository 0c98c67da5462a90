"""Many references at once: resources side by side, each of them fetched one time whatever number of keys is wanted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from kong_vault_py.errors import InvalidReferenceError, InvalidResponseError, KeyNotFoundError, VaultError
from kong_vault_py.reference import parse_reference
from kong_vault_py.resources import resource_key, shown
from kong_vault_py.secret import Secret

__all__ = ["Fetches", "get_all"]

#: What one key's failure says nothing about: other keys of the resource may be there.
_OF_ONE_KEY = (InvalidReferenceError, InvalidResponseError, KeyNotFoundError)


@dataclass
class Fetches:
    """What became of references, in the order in which they were asked for.

    Attributes:
        secrets: reference -> its secret.
        failures: reference -> why there is none.
    """

    secrets: dict[str, Secret] = field(default_factory=dict)
    failures: dict[str, VaultError] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        """Reference -> plaintext: the point of use."""
        return {reference: secret.reveal() for reference, secret in self.secrets.items()}


def get_all(
    get: Callable[[str], Secret],
    references: Iterable[str],
    *,
    at_once: int,
    progress: Callable[[int, int], None] | None = None,
) -> Fetches:
    """Get references, grouped by resource: ten keys of one secret take one thread, not ten that wait for one fetch.

    Args:
        get: gets one, from the cache where it is there.
        references: which; duplicates count once.
        at_once: how many fetches may run at a time.
        progress: hears, in the caller's thread, how many of how many references are done.
    """
    wanted = list(dict.fromkeys(references))
    groups: dict[Hashable, list[str]] = {}
    for reference in wanted:
        groups.setdefault(_resource(reference), []).append(reference)
    found: dict[str, Secret | VaultError] = {}
    if progress is not None:
        progress(0, len(wanted))
    if groups:
        pool = ThreadPoolExecutor(min(at_once, len(groups)), "kong-vault-fetch")
        try:
            for future in as_completed([pool.submit(_get_group, get, group) for group in groups.values()]):
                found |= future.result()
                if progress is not None:
                    progress(len(found), len(wanted))
        finally:
            # Interrupted: what hasn't begun never will.
            pool.shutdown(wait=len(found) == len(wanted), cancel_futures=True)
    done = Fetches()
    for reference in wanted:
        result = found[reference]
        if isinstance(result, VaultError):
            done.failures[reference] = result
        else:
            done.secrets[reference] = result
    return done


def _resource(reference: str) -> Hashable:
    try:
        return resource_key(parse_reference(reference))
    except InvalidReferenceError:
        return reference


def _get_group(get: Callable[[str], Secret], group: list[str]) -> dict[str, Secret | VaultError]:
    """Get the references of one resource; a vault that failed for the first is not asked for the others."""
    found: dict[str, Secret | VaultError] = {}
    for index, reference in enumerate(group):
        try:
            found[reference] = get(reference)
        except VaultError as error:
            found[reference] = error
            if not isinstance(error, _OF_ONE_KEY):
                text = str(error)
                for other in group[index + 1 :]:
                    found[other] = type(error)(text.replace(shown(reference), shown(other), 1))
                break
    return found
