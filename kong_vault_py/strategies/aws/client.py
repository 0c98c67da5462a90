"""The one way to AWS: each call within a deadline, on a client that is opened on first use and anew when refused."""

from __future__ import annotations

import threading
from typing import Any

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.strategies.aws.config import AwsConfig
from kong_vault_py.strategies.aws.quiet import THREAD_NAME
from kong_vault_py.strategies.aws.sdk_errors import translated
from kong_vault_py.strategies.aws.session import open_clients
from kong_vault_py.strategies.http.bounded import within
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["Client"]


class Client:
    """Calls Secrets Manager; safe for threads and greenlets."""

    def __init__(self, config: AwsConfig) -> None:
        self._config = config
        self._clients: list[Any] = []
        self._lock = threading.Lock()

    def call(self, operation: str, doing: str, deadline: Deadline, **parameters: object) -> dict[str, Any]:
        """Return the answer to one call.

        Args:
            operation: boto3's name of it ("get_secret_value").
            doing: what it is for, for error texts.
            deadline: bounds it, finding credentials and opening connections included.
            parameters: as boto3 takes them.

        Raises:
            VaultError: there is no answer, or it says no.
        """
        return within(deadline, doing, lambda: self._send(operation, doing, parameters), thread_name=THREAD_NAME)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    def _send(self, operation: str, doing: str, parameters: dict[str, object]) -> dict[str, Any]:
        client = None
        try:
            client = self._opened()
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
        except Exception as error:  # a border: nothing of the SDK's gets out
            failure = translated(error, doing)
            if isinstance(failure, AuthenticationError):
                self._forget(client)
            raise failure from None
        return answer

    def _opened(self) -> Any:
        with self._lock:
            if not self._clients:
                self._clients = open_clients(self._config)
            return self._clients[0]

    def _forget(self, refused: object) -> None:
        """Drop a client whose credentials are no good: the SDK never looks for others, which may be there by now."""
        with self._lock:
            is_current = self._clients[:1] == [refused]
        if is_current:
            self.close()
