"""A Kubernetes cluster, as far as Vault asks one: it makes service account tokens and reviews them."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.strategies.fake_http import Answered, Asked, FakeHttp
from tests.strategies.tokens_rs256 import SigningKey

_REVIEWS = "POST /apis/authentication.k8s.io/v1/tokenreviews"


class FakeCluster(FakeHttp):
    """Reviews tokens for who shows the reviewer's own token; a context manager.

    Attributes:
        reviewer: the token with which Vault may ask for reviews.
    """

    def __init__(self) -> None:
        super().__init__({_REVIEWS: self._review})
        self._key = SigningKey("cluster")
        self.reviewer = self.token("vault", "vault-reviewer")

    def token(self, namespace: str, account: str, audience: str = "https://kubernetes.default.svc") -> str:
        """Return a projected service account token."""
        now_s = int(time.time())
        return self._key.sign(
            {
                "iss": "https://kubernetes.default.svc",
                "aud": [audience],
                "iat": now_s,
                "nbf": now_s,
                "exp": now_s + 3600,
                "sub": f"system:serviceaccount:{namespace}:{account}",
                "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": f"uid-{account}"}},
            }
        )

    def _review(self, asked: Asked) -> Answered:
        if asked.headers.get("authorization") != f"Bearer {self.reviewer}":
            return Answered({"kind": "Status", "status": "Failure", "code": 401}, 401)
        review = json.loads(asked.body)
        return Answered(review | {"status": self._status(review["spec"])}, 201)

    def _status(self, spec: dict[str, Any]) -> dict[str, Any]:
        claims = self._key.claims(spec["token"])
        wanted = spec.get("audiences") or ["https://kubernetes.default.svc"]
        if claims is None or claims["exp"] < time.time() or not set(wanted) & set(claims["aud"]):
            return {"authenticated": False, "error": "invalid bearer token"}
        account = claims["kubernetes.io"]["serviceaccount"]
        return {
            "authenticated": True,
            "user": {"username": claims["sub"], "uid": account["uid"], "groups": ["system:serviceaccounts"]},
            "audiences": wanted,
        }
