"""AWS Signature Version 4: AWS's published examples, and botocore as the second opinion."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.signing.aws_sigv4 import AwsCredentials, AwsSignature
from kong_vault_py.plugin_kit.signing.outgoing import Outgoing
from kong_vault_py.secret import Secret

# AWS's own example credentials.
KEY_ID, KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc)


def sign(service: str = "service", token: str | None = None, **request: Any) -> dict[str, str]:
    defaults = {"method": "GET", "path": "/", "query": "", "headers": {}, "body": b"", "host": "example.amazonaws.com"}
    credentials = AwsCredentials(KEY_ID, Secret(KEY), token)
    way = AwsSignature("us-east-1", service)
    return way.sign(Outgoing(**{**defaults, **request}), credentials, NOW.timestamp())


class Plain(AwsSignature):
    """As AWS's test suite signs: host and date alone, without x-amz-content-sha256."""

    def _signed_names(self, request: Outgoing, added: dict[str, str]) -> list[str]:
        return sorted({"host", "x-amz-date", *request.headers})


# From AWS's Signature Version 4 test suite: request -> signature.
SUITE = {
    "get-vanilla": ({}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-vanilla-query-order-key-case": (
        {"query": "Param2=value2&Param1=value1"},
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "post-vanilla": ({"method": "POST"}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
}


@pytest.mark.parametrize("name", SUITE)
def test_awss_own_test_suite(name):
    request, signature = SUITE[name]
    defaults = {"method": "GET", "path": "/", "query": "", "headers": {}, "body": b"", "host": "example.amazonaws.com"}

    signed = Plain("us-east-1", "service").sign(
        Outgoing(**{**defaults, **request}), AwsCredentials(KEY_ID, Secret(KEY)), NOW.timestamp()
    )

    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_the_s3_example_of_the_documentation():
    """GET of an object with a Range header, as the S3 guide works it out."""

    class WithRange(AwsSignature):
        def _signed_names(self, request: Outgoing, added: dict[str, str]) -> list[str]:
            return sorted({"range", *super()._signed_names(request, added)})

    request = Outgoing("GET", "/test.txt", "", {"range": ["bytes=0-9"]}, b"", "examplebucket.s3.amazonaws.com")
    credentials = AwsCredentials("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    moment = datetime.datetime(2013, 5, 24, tzinfo=datetime.timezone.utc)

    signed = WithRange("us-east-1", "s3").sign(request, credentials, moment.timestamp())

    assert signed["authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def botocores(service: str, request: Outgoing, token: str | None = None) -> str:
    """The Authorization header that botocore makes for the same request."""
    from botocore import auth, awsrequest
    from botocore.credentials import Credentials

    url = f"https://{request.host}{request.path}" + (f"?{request.query}" if request.query else "")
    headers = {name: ",".join(values) for name, values in request.headers.items()}
    headers["Host"] = request.host
    if service != "s3":
        headers["X-Amz-Content-SHA256"] = hashlib.sha256(request.body or b"").hexdigest()
    signer = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    made = awsrequest.AWSRequest(request.method, url, headers, request.body)
    made.context["payload_signing_enabled"] = True
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        signer(Credentials(KEY_ID, KEY, token), service, "us-east-1").add_auth(made)
    return str(made.headers["Authorization"])


def ours(service: str, request: Outgoing, token: str | None = None) -> str:
    credentials = AwsCredentials(KEY_ID, Secret(KEY), token)
    return AwsSignature("us-east-1", service).sign(request, credentials, NOW.timestamp())["authorization"]


@pytest.mark.parametrize("service", ["s3", "execute-api"])
@pytest.mark.parametrize("token", [None, "a-session-token"])
@pytest.mark.parametrize(
    "request_",
    [
        Outgoing("GET", "/", "", {}, b"", "a.example"),
        Outgoing(
            "PUT", "/a%20b/c%2Fd", "x=%C3%BC&a=1&a=0&b", {"content-type": ["text/plain"]}, b"body", "a.example:8443"
        ),
        Outgoing(
            "POST", "/2015-03-31/functions/f/invocations", "", {"x-amz-client-context": ["a  b"]}, b"{}", "a.example"
        ),
        Outgoing("DELETE", "/~x/-_.", "list-type=2&prefix=a%2Fb", {}, b"", "a.example"),
    ],
)
def test_botocore_says_the_same(service, token, request_):
    assert ours(service, request_, token) == botocores(service, request_, token)


segments = st.lists(st.text(min_size=1, max_size=5).map(lambda text: quote(text, safe="~")), max_size=3)
words = st.text(max_size=4).map(lambda text: quote(text, safe="-_.~"))


@settings(max_examples=60, deadline=None)
@given(
    path=segments.map(lambda parts: "/" + "/".join(part for part in parts if part not in (".", ".."))),
    pairs=st.lists(st.tuples(words.filter(bool), words), max_size=4),
    body=st.binary(max_size=20),
    service=st.sampled_from(["s3", "execute-api"]),
)
def test_botocore_says_the_same_of_any_request(path, pairs, body, service):
    query = "&".join(f"{name}={value}" for name, value in pairs)
    request = Outgoing("POST", path, query, {"content-type": ["a/b"]}, body, "a.example")

    assert ours(service, request) == botocores(service, request)


def test_spellings_of_a_query_are_one():
    assert sign(query="b=%7e&a=1")["authorization"] == sign(query="a=1&b=~")["authorization"]


def test_an_unsigned_body_says_so():
    assert sign(body=None)["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def test_what_a_client_says_of_its_own_signature_is_not_signed():
    headers = {"x-amz-security-token": ["theirs"], "x-amz-date": ["19990101T000000Z"], "authorization": ["AWS4 x"]}

    assert sign(headers=headers) == sign()


def test_temporary_credentials_bring_their_token():
    signed = sign(token="the token")

    assert signed["x-amz-security-token"] == "the token"
    assert "x-amz-security-token" in signed["authorization"]


@pytest.mark.parametrize("credentials", [(KEY_ID, ""), ("a\nb", KEY), ("", KEY)])
def test_credentials_that_can_not_be(credentials):
    key_id, secret = credentials
    with pytest.raises(ConfigError) as raised:
        AwsSignature("us-east-1", "s3").sign(
            Outgoing("GET", "/", "", {}, b"", "a"), AwsCredentials(key_id, Secret(secret)), 0
        )

    assert KEY not in str(raised.value)
