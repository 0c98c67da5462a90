"""Login with the identity document of an EC2 instance, which its metadata service (IMDSv2) signs."""

from __future__ import annotations

import os

from kong_vault_py.strategies.hcv.cloud_options import login_mount
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.outside import Outside
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["AwsEc2Login"]

_DOING = "logging in to Vault by EC2 instance"
_ASKING = "asking the EC2 metadata service for the identity document"
_OPTIONS = "that this is an EC2 instance, in a container with the metadata service's hop limit at 2"
_IMDS = "http://169.254.169.254"
_SESSION_TTL_S = 60


class AwsEc2Login:
    """Logs in anew as often as needed: Vault takes the same document again, from who knows the nonce."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Get the signed document and log in with it and the nonce."""
        adapter = transport.adapter(None, deadline, _DOING)
        document = _signed_document(deadline)
        from hvac.api.auth_methods import Aws

        config = self._config
        mount = login_mount(config.aws_login_path) or ""
        nonce = config.aws_auth_nonce.reveal() if config.aws_auth_nonce else ""
        return logged_in(
            lambda: Aws(adapter).ec2_login(
                pkcs7=document, nonce=nonce, role=config.aws_auth_role, use_token=False, mount_point=mount
            ),
            _DOING,
            mount,
            "check 'aws_auth_role' and 'aws_login_path', that the role admits this instance, and that "
            "'aws_auth_nonce' is the one of its first login",
        )


def _signed_document(deadline: Deadline) -> str:
    service = Outside(_ASKING, _OPTIONS, deadline)
    # The AWS SDKs' own variable.
    host = (os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _IMDS).rstrip("/")
    asked = {"X-aws-ec2-metadata-token-ttl-seconds": str(_SESSION_TTL_S)}
    session = service.ask("PUT", f"{host}/latest/api/token", headers=asked).body.decode("ascii", "replace").strip()
    if not (session and session.isascii() and session.isprintable()):
        raise service.lacking("session token")
    answer = service.ask(
        "GET", f"{host}/latest/dynamic/instance-identity/pkcs7", headers={"X-aws-ec2-metadata-token": session}
    )
    document = "".join(answer.body.decode("ascii", "replace").split())
    if not document:
        raise service.lacking("identity document")
    return document
