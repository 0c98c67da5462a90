"""The aws vault keeps its deadline, its secrets and its imports to itself."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from kong_vault_py.errors import StrategyTimeoutError
from kong_vault_py.testing.loopback import LoopbackServer
from tests.strategies.aws_fake_strategies import (
    CREDENTIALS,
    PASSWORD,
    ROLE,
    TIMEOUT_S,
    fake_strategy,
    fetch,
    role_strategy,
    secret_named,
)
from tests.strategies.fake_secrets_manager import Call, FakeAws, Reply

_FETCH_IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
from gevent.pool import Pool
from kong_vault_py.options import build_config
from kong_vault_py.strategies.aws import AwsConfig, AwsStrategy

config = build_config(AwsConfig, {"endpoint_url": sys.argv[1], "region": "eu-west-1"}, where="test")
strategy = AwsStrategy(config)
crowd = range(int(sys.argv[2]))
for fetched in Pool(len(crowd)).imap(lambda _: strategy.fetch("redis", None, timeout_s=10), crowd):
    print(fetched.value, end=" ")
"""


def test_assuming_the_role_and_reading_share_one_deadline(fake_aws: FakeAws) -> None:
    release = threading.Event()

    def late(_: Call) -> Reply:
        release.wait(0.3)
        return ROLE

    def never(_: Call) -> Reply:
        release.wait(TIMEOUT_S)
        return PASSWORD

    strategy = role_strategy(fake_aws)
    fetch(strategy)  # opens the client, which takes its time on a busy machine
    strategy.close()
    fake_aws.routes |= {"AssumeRole": late, "GetSecretValue": never}
    started_s = time.monotonic()

    with pytest.raises(StrategyTimeoutError, match=r"reading 'redis' .* took longer than 0\.6 s"):
        fetch(strategy, timeout_s=0.6)

    assert time.monotonic() - started_s < 1.5
    release.set()


def test_a_batch_and_its_single_calls_share_one_deadline(fake_aws: FakeAws) -> None:
    release = threading.Event()

    def never(_: Call) -> Reply:
        release.wait(TIMEOUT_S)
        return PASSWORD

    fake_aws.routes["GetSecretValue"] = never
    names = [f"s{number}" for number in range(20)]
    started_s = time.monotonic()

    answers = fake_strategy(fake_aws).fetch_many([(name, None) for name in names], timeout_s=3)

    assert time.monotonic() - started_s < 3 + 3, "not 3 s for each of the 20"
    assert {type(answer) for answer in answers.values()} == {StrategyTimeoutError}
    release.set()


def test_a_server_that_trickles_is_cut_off(fake_aws: FakeAws) -> None:
    with LoopbackServer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", trickle=b" ", every_s=0.05) as server:
        started_s = time.monotonic()
        with pytest.raises(StrategyTimeoutError):
            fetch(fake_strategy(fake_aws, endpoint_url=f"http://{server.host}:{server.port}"), timeout_s=0.3)

    assert time.monotonic() - started_s < 1.5


def test_the_sdks_own_timeout_is_the_configured_deadline(fake_aws: FakeAws) -> None:
    with LoopbackServer(answer=None) as server:
        url = f"http://{server.host}:{server.port}"
        with pytest.raises(StrategyTimeoutError, match=f"{url}/? did not answer in time"):
            fetch(fake_strategy(fake_aws, endpoint_url=url, fetch_timeout_s=0.2))


def test_greenlets_do_not_wait_for_each_other(fake_aws: FakeAws) -> None:
    """As the plugin server runs it: everything patched, many greenlets in one thread."""
    crowd = 8
    together = threading.Barrier(crowd)

    def slow(_: Call) -> Reply:
        together.wait(TIMEOUT_S)
        return PASSWORD

    fake_aws.routes["GetSecretValue"] = slow

    command = [sys.executable, "-c", _FETCH_IN_GREENLETS, fake_aws.url, str(crowd)]
    fetching = subprocess.run(command, capture_output=True, text=True)

    assert (fetching.stdout, fetching.stderr) == ("canary-pw-64 " * crowd, "")


# Imports and logs


def test_importing_the_strategy_does_not_import_the_sdk() -> None:
    script = "import sys, kong_vault_py.strategies.aws as aws; aws.AwsStrategy(aws.AwsConfig()); "
    script += "sys.exit(any(name.startswith(('boto', 'urllib3')) for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_no_log_line_holds_a_value_or_a_credential(fake_aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake_aws.routes["BatchGetSecretValue"] = Reply({"SecretValues": [secret_named("a"), secret_named("b")]})
    strategy = role_strategy(fake_aws)

    fetch(strategy)
    strategy.fetch_many([("a", None), ("b", None)], timeout_s=TIMEOUT_S)

    assert '"POST / HTTP/1.1" 200' in caplog.text, "urllib3 logs its requests, so there was something to look at"
    for secret in (*CREDENTIALS, "canary-pw-64", "of a"):
        assert secret not in caplog.text


def test_others_who_use_the_sdk_keep_its_logs(fake_aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    import boto3

    caplog.set_level(logging.DEBUG)
    fetch(fake_strategy(fake_aws))
    theirs = boto3.session.Session().client("secretsmanager", endpoint_url=fake_aws.url, region_name="eu-west-1")

    theirs.get_secret_value(SecretId="theirs")
    theirs.close()

    assert "Response body" in caplog.text
