"""moto's server with AWS's form of a refusal: ``python moto_app.py PORT``.

moto answers a denied or unknown caller of every service in XML, as IAM does. Secrets Manager speaks JSON and has other
codes for it; the decision, and the check of the signature, stay moto's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

_CODES = {
    "AccessDenied": "AccessDeniedException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
_REFUSAL = re.compile(rb"<Code>(\w+)</Code>\s*<Message>(.*?)</Message>", re.DOTALL)

Headers = list[tuple[str, str]]


class JsonRefusals:
    """WSGI middleware: XML refusals of calls that came in JSON become JSON."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started: list[tuple[str, Headers]] = []
        body = b"".join(self._app(environ, lambda status, headers, *_: started.append((status, headers))))
        status, headers = started[0]
        found = _REFUSAL.search(body)
        if "HTTP_X_AMZ_TARGET" in environ and status.startswith("403") and found:
            code = _CODES[found[1].decode()]
            body = json.dumps({"__type": code, "Message": found[2].decode()}).encode()
            status, headers = "400 BAD REQUEST", [("Content-Type", "application/x-amz-json-1.1")]
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]


if __name__ == "__main__":
    app = JsonRefusals(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
