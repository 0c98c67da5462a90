"""``kong-vault exec`` from its options to the command's exit code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn

from kong_vault_py.bulk import Fetches
from kong_vault_py.child_process.environment import Environment
from kong_vault_py.child_process.masking import spellings
from kong_vault_py.child_process.output import MaskedOutput
from kong_vault_py.child_process.program import become
from kong_vault_py.child_process.signals import Signals
from kong_vault_py.child_process.supervisor import Reaction, Supervisor
from kong_vault_py.child_process.watching import Watch
from kong_vault_py.errors import ConfigError, SecretNotFoundError
from kong_vault_py.secret import Secret
from kong_vault_py.vault import Vault

__all__ = ["Run", "UnresolvedError"]

log = logging.getLogger(__name__)


class UnresolvedError(ConfigError):
    """References without a secret.

    Args:
        problems: one line each, with the variable's name.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Run:
    """One command to run.

    Attributes:
        arguments: program and arguments; references in them are left alone, for everybody can read them.
        environment: its variables.
        only_missing_ok: leave variables out whose secret is absent.
        tell: takes lines for the user.
    """

    arguments: tuple[str, ...]
    environment: Environment
    only_missing_ok: bool
    tell: Callable[[str], None]

    def here(self, open_vault: Callable[[], Vault]) -> NoReturn:
        """Become the command.

        Raises:
            StartError: it can't be started.
            VaultError: a reference can't be resolved.
        """
        with open_vault() as vault:
            variables = self._variables(self._resolved(vault))
        become(self.arguments, variables)

    def below(
        self, open_vault: Callable[[], Vault], *, mask_output: bool = False, reaction: Reaction | None = None
    ) -> int:
        """Run the command as a child, and return the exit code to end with.

        Args:
            open_vault: called in a thread, so that signals are heard meanwhile.
            mask_output: mask secrets in what it prints.
            reaction: what rotated secrets do to it; ``None``: nothing.

        Raises:
            StartError: it can't be started.
            VaultError: a reference can't be resolved.
        """
        with Signals() as signals:
            vault, done = signals.until_done(lambda: self._opened(open_vault))
            with vault:
                output = MaskedOutput(_patterns(done.secrets.values())) if mask_output else None
                supervisor = Supervisor(self.arguments, signals, output=output, reaction=reaction)
                watch = self._watch(vault, done, supervisor, output) if reaction else None
                try:
                    return supervisor.run(self._variables(done))
                finally:
                    if watch:
                        watch.stop()
                    if output:
                        output.finish()

    def _opened(self, open_vault: Callable[[], Vault]) -> tuple[Vault, Fetches]:
        vault = open_vault()
        try:
            return vault, self._resolved(vault)
        except BaseException:
            vault.close()
            raise

    def _resolved(self, vault: Vault) -> Fetches:
        done = vault.get_all(self.environment.references)
        unforgiven = {
            reference: error
            for reference, error in done.failures.items()
            if not (self.only_missing_ok and isinstance(error, SecretNotFoundError))
        }
        if unforgiven:
            raise UnresolvedError(list(self.environment.problems(unforgiven)))
        for problem in self.environment.problems(done.failures):
            self.tell(f"{problem}: left out")
        return done

    def _variables(self, done: Fetches) -> dict[str, str]:
        return self.environment.filled(done)

    def _watch(self, vault: Vault, done: Fetches, supervisor: Supervisor, output: MaskedOutput | None) -> Watch:
        for reference in done.secrets:
            found = vault.lookup(reference)
            if found.ttl_s is None and not found.immutable:
                self.tell(f"{reference} has no ttl: its rotation is not noticed (?ttl=60, or vault_{found.prefix}_ttl)")

        def renew(current: Fetches) -> None:
            if output:
                output.add(_patterns(current.secrets.values()))
            try:
                supervisor.renew(self._variables(current))
            except ConfigError as error:
                log.warning("%s; the command goes on with the old secrets", error)

        watch = Watch(vault, self.environment.references, done.secrets, renew)
        watch.start()
        return watch


def _patterns(secrets: Iterable[Secret]) -> set[bytes]:
    return {spelling for secret in secrets for spelling in spellings(secret.reveal_bytes())}
