"""The whole chain with a manager: a plugin server that knows no vault but by its manager."""

import contextlib
import http.client
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity, PluginServerProcess
from tests.data_plane.nodes import CANARY, new_token, put_fs_vault
from tests.servers.polling import wait_until

PLUGINS = Path(__file__).parents[2] / "plugins"


def get(gateway):
    target = urlsplit(gateway.url)
    with contextlib.closing(http.client.HTTPConnection(target.hostname, target.port, timeout=30)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_a_plugin_gets_its_secret_through_the_managers_vault_until_that_is_removed(api, group, secrets):
    (secrets / "api").write_text(f'{{"token": "{CANARY}"}}')
    put_fs_vault(api, group, "shop", secrets)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kvp-")))
        conf = folder / "node.conf"
        conf.touch(mode=0o600)
        conf.write_text(
            f"vault_py_manager_url = {api.url}\n"
            f"vault_py_node_token = {new_token(api, group)}\n"
            "vault_py_report_interval_s = 0.1\n"
            "vault_py_audit_hits_interval_s = 0.1\n"
        )
        server = stack.enter_context(
            PluginServerProcess(
                PLUGINS, folder / "s.sock", env={"KONG_VAULT_PY_SETTINGS": str(conf)}, start_timeout_s=30
            )
        )
        upstream = stack.enter_context(EchoUpstream())
        gateway = stack.enter_context(Gateway(server.socket_path, server.dump(), upstream=upstream.url))
        config = {"add": {"headers": ["authorization:Bearer {vault://shop/api/token}"]}}
        gateway.add_route("/", [PluginEntity("vault-request-transformer", config)])

        status, body = get(gateway)
        assert (status, f"Bearer {CANARY}" in body) == (200, True)
        for _ in range(3):
            get(gateway)

        def told():
            found = api.root.get(f"/audit?group={group}&action=secret.resolve").json()["data"]
            return [entry["details"] for entry in found if entry["details"].get("cached")]

        wait_until(lambda: bool(told()), "the hits in the audit")
        assert {details["plugin"] for details in told()} == {"vault-request-transformer"}

        api.root.delete(f"/groups/{group}/vaults/shop")
        wait_until(lambda: get(gateway)[0] == 503, "the end of the secret")
        assert CANARY not in server.output()
