"""A cache hit of ``Vault.get``, beside a bare dictionary look-up with a clock comparison, and AWS's caching library."""

from __future__ import annotations

import time
from typing import Any

from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

from benchmarks.measuring import interleaved, median, ratio, table
from kong_vault_py import Settings, Vault

REFERENCE = "{vault://env/benchmark-secret}"


class _AwsClient:
    """Answers as Secrets Manager does, in the process: only the library's hit is measured."""

    meta = None

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803  # boto3's own names
        return {"ARN": SecretId, "Name": SecretId, "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}

    def get_secret_value(self, SecretId: str, **_: str) -> dict[str, Any]:  # noqa: N803
        return {"ARN": SecretId, "Name": SecretId, "VersionId": "v1", "SecretString": "value"}


def _bare(calls: int) -> None:
    entries = {REFERENCE: ("value", time.monotonic() + 3600)}
    clock = time.monotonic

    def get(reference: str) -> str:
        entry = entries.get(reference)
        if entry is not None and clock() < entry[1]:
            return entry[0]
        raise LookupError(reference)

    for _ in range(calls):
        get(REFERENCE)


def main() -> None:
    """Print the table."""
    vault = Vault(Settings.load(environ={}), background=False)
    import os

    os.environ["BENCHMARK_SECRET"] = "value"
    aws = SecretCache(SecretCacheConfig(secret_refresh_interval=3600), _AwsClient())
    plan = vault.plan({"redis": {"password": REFERENCE, "port": 6379}})
    vault.update(plan)

    def ours(calls: int) -> None:
        for _ in range(calls):
            vault.get(REFERENCE)

    def updates(calls: int) -> None:
        for _ in range(calls):
            vault.update(plan)

    def theirs(calls: int) -> None:
        for _ in range(calls // 50):
            aws.get_secret_string("value")

    figures = interleaved({"bare": _bare, "get": ours, "update": updates, "aws": theirs}, calls=200_000)
    figures["aws"] = [figure * 50 for figure in figures["aws"]]
    bare = figures["bare"]
    names = {
        "bare": "dictionary look-up and clock comparison",
        "get": "`Vault.get`, a hit",
        "update": "`Vault.update`, a config with one reference",
        "aws": "aws-secretsmanager-caching, a hit",
    }
    table(
        "A cached secret",
        ("", "CPU ns per call", "ratio to the bare look-up (spread)"),
        [(names[key], f"{median(figures[key]):.0f}", ratio(figures[key], bare)) for key in names],
    )
    vault.close()


if __name__ == "__main__":
    main()
