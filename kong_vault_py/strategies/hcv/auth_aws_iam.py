"""Login with an IAM identity: a signed GetCallerIdentity request, which Vault sends to STS in our place."""

from __future__ import annotations

import base64
import json
from typing import Any

from kong_vault_py.strategies.hcv.aws_credentials import Signer, find_signer
from kong_vault_py.strategies.hcv.cloud_options import login_mount
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.bounded import within
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["AwsIamLogin"]

_DOING = "logging in to Vault by AWS IAM"
_FINDING = "finding AWS credentials"
_BODY = "Action=GetCallerIdentity&Version=2011-06-15"
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


class AwsIamLogin:
    """Logs in anew as often as needed, with the AWS credentials as they are then."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Sign the request and log in with it; the AWS keys themselves never leave."""
        adapter = transport.adapter(None, deadline, _DOING)
        signer = within(deadline, _FINDING, lambda: find_signer(self._config, deadline))
        mount = login_mount(self._config.aws_login_path) or ""
        # hvac's own iam_login knows neither another STS endpoint nor regions outside its list.
        return logged_in(
            lambda: adapter.login(
                url=f"/v1/auth/{mount}/login",
                use_token=False,
                json={"role": self._config.aws_auth_role} | _signed_request(signer),
            ),
            _DOING,
            mount,
            "check 'aws_auth_role', 'aws_login_path' and that Vault asks the STS endpoint of 'aws_auth_region' "
            "('use_sts_region_from_client' or 'sts_endpoint' in its config/client)",
        )


def _signed_request(signer: Signer) -> dict[str, Any]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    url = signer.sts_url.rstrip("/") + "/"
    request = AWSRequest("POST", url, headers=dict(_HEADERS), data=_BODY)
    SigV4Auth(signer.credentials, "sts", signer.region).add_auth(request)
    headers = {name: [value] for name, value in request.headers.items()}
    return {
        "iam_http_request_method": "POST",
        "iam_request_url": _base64(url),
        "iam_request_body": _base64(_BODY),
        "iam_request_headers": _base64(json.dumps(headers)),
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
