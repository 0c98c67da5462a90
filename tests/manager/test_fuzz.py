"""Whatever is sent, no route of the OpenAPI document answers 500: schemathesis makes the requests."""

import re

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase

from tests.manager.running import open_manager, running

_EXAMPLES = 5
# Its own session and user would be gone in the middle of the run.
_ENDS_ITSELF = re.compile(r"/auth/logout|/auth/tokens/|/users")
_ENDS_THE_STORE = ("DELETE", "/v2/control-planes/{group}/config-stores/{store}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_request_makes_the_manager_fail(tmp_path):
    with running(open_manager(tmp_path)) as api:
        api.sign_in_root()
        # By its id: its name will be fuzzed.
        group = api.root.get(f"/groups/{api.group()}").json()["id"]
        store = api.root.post(f"/v2/control-planes/{group}/config-stores", json={}).json()["id"]
        api.root.put(f"/groups/{group}/vaults/fuzzed", json={"name": "env"})
        node = api.node(group)
        document = api.root.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        schema.config.base_url = api.url
        known = {"group": group, "store": store, "vault": "fuzzed"}
        operations = [found.ok() for found in schema.get_all_operations()]
        tried = 0
        for operation in operations:
            if _ENDS_ITSELF.search(operation.path) or (operation.method.upper(), operation.path) == _ENDS_THE_STORE:
                continue
            client = node if operation.path.startswith("/dataplane") else api.root
            tried += 1
            ask(operation, dict(client.headers), known)

        assert tried > 30
        requests = api.root.get("/metrics").text
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            done = f'requests_total{{method="{method}",route="/groups/{{group}}/vaults/{{vault}}",status="20'
            assert done in requests, f"no {method} of a vault succeeded: this tests too little"
        with api.manager.records.database.read() as session:
            assert api.manager.records.audit.verify(session).entries > 3


def ask(operation, headers, known):
    """Send an operation what it allows and what it doesn't."""

    @hypothesis.settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @hypothesis.given(case=operation.as_strategy())
    def asked(case):
        # Mostly things that exist: behind a 404 there is little to find.
        for name, value in known.items():
            if name in case.path_parameters:
                case.path_parameters[name] = value
        if "vault" in operation.path and isinstance(case.body, dict) and len(case.body) % 2:
            case.body = {name: value for name, value in case.body.items() if name in ("description", "tags")}
            case.body["name"] = "env"
        if "wait_s" in (case.query or {}):
            case.query["wait_s"] = 0
        answer = case.call(headers={**headers, "Authorization": headers["authorization"]})
        assert answer.status_code < 500, (answer.status_code, case.as_curl_command())

    asked()
