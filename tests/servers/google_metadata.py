"""The metadata server of a Google machine (GKE Workload Identity serves the same), strictly."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.servers.google_accounts import CLOUD_PLATFORM, GoogleAccounts
from tests.servers.http_service import Answer, HttpService, Request

_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/"


@dataclass
class GoogleMetadata(HttpService):
    """Speaks for one service account; a context manager.

    Args:
        accounts: who issues its tokens.
        email: the account that is attached to the machine, "" for none.

    Attributes:
        paths: what was asked.
    """

    accounts: GoogleAccounts
    email: str
    paths: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Answer what google-auth asks, if the request shows that it was meant for a metadata server."""
        self.paths.append(request.path)
        if request.method != "GET" or request.headers.get("Metadata-Flavor") != "Google":
            return Answer(403, b"Missing Metadata-Flavor:Google header.", "text/html")
        if self.email and request.path == _ACCOUNT and request.query == "recursive=true":
            return Answer.of_json(200, {"aliases": ["default"], "email": self.email, "scopes": [CLOUD_PLATFORM]})
        if self.email and request.path == f"{_ACCOUNT}token":
            token = self.accounts.issue(self.email)
            return Answer.of_json(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
        return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", "text/html")
