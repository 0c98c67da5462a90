"""Google Cloud, as far as Vault's gcp auth method and its clients ask it: accounts, keys, instances, metadata."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.strategies.fake_http import Answered, Asked, FakeHttp
from tests.strategies.tokens_rs256 import SigningKey

PROJECT = "gateways"
KONG = f"kong@{PROJECT}.iam.gserviceaccount.com"
DEPLOYER = f"deployer@{PROJECT}.iam.gserviceaccount.com"
VAULT = f"vault@{PROJECT}.iam.gserviceaccount.com"

_CREATED = "2026-01-01T00:00:00.000+00:00"
_CREATED_S = 1767225600
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_METADATA = "/computeMetadata/v1"
_IDENTITY = f"{_METADATA}/instance/service-accounts/default/identity"
_INSTANCE = f"projects/{PROJECT}/zones/europe-west1-b/instances/gateway-1"


class FakeGoogle(FakeHttp):
    """One project with service accounts and an instance; a context manager.

    Attributes:
        token_creators: account -> accounts that may sign in its name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token_creators = {KONG: {DEPLOYER}}
        # Go's library names the endpoint that it asks, Python's always the public one.
        self._token_audiences = (f"{self.url}/token", "https://oauth2.googleapis.com/token")
        self._google = SigningKey("google-1")
        self._accounts = {email: SigningKey(f"key-of-{email.partition('@')[0]}") for email in (KONG, DEPLOYER, VAULT)}
        self.routes = {
            "POST /token": self._token,
            "GET /oauth2/v1/certs": lambda _: Answered({self._google.key_id: self._google.certificate_pem}),
            f"GET {_IDENTITY}": self._identity,
            "GET /": lambda asked: self._metadata(asked, b"computeMetadata/"),
            f"GET {_METADATA}/project/project-id": lambda asked: self._metadata(asked, PROJECT.encode()),
            f"GET {_METADATA}/instance/service-accounts/default/": self._attached,
            f"GET {_METADATA}/instance/service-accounts/default/token": self._attached_token,
            f"GET /{_INSTANCE}": lambda _: Answered(_instance()),
            f"GET /compute/v1/{_INSTANCE}": lambda _: Answered(_instance()),
        }
        for email, key in self._accounts.items():
            self._add_account(email, key)

    def _add_account(self, email: str, key: SigningKey) -> None:
        account = {"email": email, "uniqueId": f"1{sum(email.encode())}", "projectId": PROJECT}
        account["name"] = f"projects/{PROJECT}/serviceAccounts/{email}"
        known = f"/v1/projects/-/serviceAccounts/{email}"
        self.routes[f"GET {known}"] = lambda _: Answered(account)
        self.routes[f"POST {known}:signJwt"] = lambda asked: self._sign(asked, email)
        published = {key.key_id: key.certificate_pem}
        self.routes[f"GET /service_accounts/v1/metadata/x509/{email}"] = lambda _: Answered(published)

    def key_of(self, email: str) -> dict[str, str]:
        """Return the JSON key of a service account, as Google's console gives it."""
        key = self._accounts[email]
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": key.key_id,
            "private_key": key.private_pem,
            "client_email": email,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    def key_file(self, email: str, folder: Path) -> str:
        """Write that key to a file; returns its path."""
        file = folder / "key.json"
        file.write_text(json.dumps(self.key_of(email)))
        return str(file)

    def _token(self, asked: Asked) -> Answered:
        """Give an access token for an assertion that an account's own key signed."""
        form = asked.form
        assertion = form.get("assertion", [""])[0]
        if form.get("grant_type") != [_GRANT]:
            return Answered({"error": "unsupported_grant_type"}, 400)
        for email, key in self._accounts.items():
            claims = key.claims(assertion)
            if claims and claims["iss"] == email and claims["aud"] in self._token_audiences and claims["scope"]:
                return Answered({"access_token": f"ya29.{email}", "expires_in": 3600, "token_type": "Bearer"})
        return Answered({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)

    def _sign(self, asked: Asked, email: str) -> Answered:
        caller = asked.headers.get("authorization", "").removeprefix("Bearer ya29.")
        if caller not in self.token_creators.get(email, set()):
            denied = {"code": 403, "message": "Permission 'iam.serviceAccounts.signJwt' denied", "status": "DENIED"}
            return Answered({"error": denied}, 403)
        claims = json.loads(json.loads(asked.body)["payload"])
        key = self._accounts[email]
        return Answered({"keyId": key.key_id, "signedJwt": key.sign(claims)})

    def _metadata(self, asked: Asked, body: object) -> Answered:
        """Answer as the instance's metadata server."""
        if asked.headers.get("metadata-flavor") != "Google" or "x-forwarded-for" in asked.headers:
            return Answered(b"Missing required header", 403)
        kind = "text/plain" if isinstance(body, bytes) else "application/json"
        return Answered(body, headers={"Metadata-Flavor": "Google", "Content-Type": kind})

    def _attached(self, asked: Asked) -> Answered:
        """Say which service account the instance has."""
        return self._metadata(asked, {"email": DEPLOYER, "scopes": ["https://www.googleapis.com/auth/cloud-platform"]})

    def _attached_token(self, asked: Asked) -> Answered:
        token = {"access_token": f"ya29.{DEPLOYER}", "expires_in": 3600, "token_type": "Bearer"}
        return self._metadata(asked, token)

    def _identity(self, asked: Asked) -> Answered:
        """Give the instance's identity token."""
        [audience], [form] = asked.query["audience"], asked.query["format"]
        claims: dict[str, Any] = {"iss": "https://accounts.google.com", "aud": audience, "sub": KONG}
        claims |= {"iat": int(time.time()), "exp": int(time.time()) + 3600}
        if form == "full":
            claims["google"] = {"compute_engine": _instance_claims()}
        return self._metadata(asked, self._google.sign(claims).encode())


def _instance_claims() -> dict[str, Any]:
    return {
        "project_id": PROJECT,
        "project_number": 1,
        "zone": "europe-west1-b",
        "instance_id": "42",
        "instance_name": "gateway-1",
        "instance_creation_timestamp": _CREATED_S,
    }


def _instance() -> dict[str, Any]:
    return {
        "id": "42",
        "name": "gateway-1",
        "status": "RUNNING",
        "creationTimestamp": _CREATED,
        "zone": f"https://compute.googleapis.com/compute/v1/projects/{PROJECT}/zones/europe-west1-b",
        "selfLink": f"https://compute.googleapis.com/compute/v1/{_INSTANCE}",
    }
