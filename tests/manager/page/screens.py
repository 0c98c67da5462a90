"""Every screen of the page that can be looked at, with something on it, names that would be scripts included."""

from __future__ import annotations

from tests.manager.page.page_server import PageServer

#: What a person or a node might call things to see it run in somebody else's browser.
SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
#: What no screen may show.
CANARY = "canary-that-no-screen-shows"


def screens(server: PageServer) -> list[str]:
    """Make one of each thing, and return the paths of all screens that a superadmin may look at."""
    api, prod = server.api, "/ui/groups/prod"
    config = {"token": CANARY, "mount": SCRIPT, "approle_secret_id": "{vault://env/secret-id}"}
    vault = f"{prod}/vaults/{server.vault('shown-hcv', 'hcv', config=config, description=SCRIPT, tags=['shown'])}"
    server.vault("shown-env", description="Environment variables", tags=["shown"])
    name = f"shown {SCRIPT}"
    stores = api.get("/v2/control-planes/prod/config-stores").json()["data"]
    found = [store["id"] for store in stores if store["name"] == name]
    store_id = found[0] if found else server.store(name)
    api.put(f"/v2/control-planes/prod/config-stores/{store_id}/secrets/shown", json={"value": CANARY})
    store = f"{prod}/config-stores/{store_id}"
    resource = {"references": [SCRIPT, "{vault://shown-hcv/a/b}"], "prefix": "shown-hcv", "strategy": SCRIPT}
    resource |= {"age_s": 30.5, "refresh_in_s": -12, "serve_for_s": 1e9, "failures": 2, "error": SCRIPT, "hits": 7}
    server.report(
        "shown-node",
        node={"version": SCRIPT, "bad": [1]},
        status={"counts": {"hits": 9, "misses": SCRIPT}, "resources": [resource]},
        audit=[{"reference": f"{{vault://shown-hcv/{SCRIPT}?token={CANARY}}}", "outcome": SCRIPT, "plugin": SCRIPT}],
    )
    if not api.get("/groups/prod/policies").json()["data"]:
        api.post("/groups/prod/policies", json={"effect": "allow", "prefix": "shown-hcv", "plugin": SCRIPT})
    token = api.get("/groups/prod/node-tokens").json()["data"][0]["id"]
    user = api.get("/users").json()["data"][0]["id"]
    return [
        "/ui/groups", "/ui/users", f"/ui/users/{user}", f"/ui/users/{user}/delete", "/ui/audit", "/ui/tokens",
        f"{prod}/vaults", f"{prod}/vaults?prefix=shown&tag=shown", f"{prod}/vaults/new",
        *[f"{prod}/vaults/new?strategy={kind}" for kind in ("hcv", "env", "aws", "gcp", "conjur", "konnect")],
        vault, f"{vault}/edit", f"{vault}/delete", f"{prod}/references",
        f"{prod}/references?vault=shown-hcv&resource=a%2Bb/c&key=%3Cscript%3E",
        f"{prod}/config-stores", store, f"{store}/delete", f"{store}/secret?key=shown",
        f"{store}/secret/delete?key=shown", f"{prod}/status", f"{prod}/status/shown-node",
        f"{prod}/status/shown-node?failing=1&reference=script", f"{prod}/audit", f"{prod}/audit?since=x",
        f"{prod}/policies", f"{prod}/node-tokens", f"{prod}/node-tokens/{token}/delete", f"{prod}/members",
        f"{prod}/settings", f"{prod}/delete",
    ]  # fmt: skip
