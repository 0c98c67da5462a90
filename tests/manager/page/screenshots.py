"""Takes the pictures of docs/manager-page.md: ``python -m tests.manager.page.screenshots``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.manager.page.chromium import chromium
from tests.manager.page.page_server import PageServer, page_server, sign_in

IMAGES = Path(__file__).parents[3] / "docs" / "images"
_SIZE = {"width": 1200, "height": 720}
_MAX_BYTES = 150_000


def _populate(server: PageServer) -> dict[str, str]:
    hcv = {"protocol": "https", "host": "vault.internal", "kv": "v2", "token": "a-token", "ttl": 300}
    store = server.store("Payment keys", **{"stripe": "v", "adyen": "v", "redis-password": "v"})
    made = {
        "store": store,
        "hcv": server.vault("team-vault", "hcv", config=hcv, description="Vault of the team", tags=["team", "eu"]),
    }
    server.vault("aws-eu", "aws", config={"region": "eu-west-1"}, description="Databases", tags=["eu"])
    server.vault("gcp-main", "gcp", config={"project_id": "main-project"}, tags=["eu"])
    server.vault("local-env", "env", config={"prefix": "SECRET_"}, description="Variables of the container")
    server.vault("payments", "konnect", config={"config_store_id": store}, description="Our own Config Store")
    for node, late in (("gateway-1", -1), ("gateway-2", 41)):
        resources = [
            _resource("team-vault/redis/password", "hcv", 212, 88, 4120),
            _resource("payments/stripe/", "konnect", 9, 51, 1880),
            _resource("aws-eu/db/username", "aws", 341 + late, -late, 977, failures=late > 0),
        ]
        counts = {"hits": 6977, "misses": 3, "fetches": 41, "failures": 2 if late > 0 else 0, "evictions": 0}
        server.report(
            node,
            node={"name": node, "version": "1.0", "python": "3.11.7", "pid": 812, "started_at": 1_795_000_000},
            status={"counts": counts, "resources": resources},
            audit=[
                {"reference": "{vault://payments/stripe/}", "outcome": "ok", "cached": False, "plugin": "vault-auth"}
            ],
        )
    return made


def _resource(path: str, strategy: str, age: int, refresh: int, hits: int, failures: bool = False) -> dict[str, object]:
    error = "aws: no answer from https://secretsmanager.eu-west-1.amazonaws.com in 5 s" if failures else None
    return {
        "references": [f"{{vault://{path}}}"], "prefix": path.partition("/")[0], "strategy": strategy, "hits": hits,
        "age_s": age, "refresh_in_s": refresh, "serve_for_s": 3600, "failures": 2 if failures else 0, "error": error,
    }  # fmt: skip


def take() -> None:
    """Take all pictures anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, page_server(Path(folder)) as server, chromium() as browser:
        made = _populate(server)
        context = browser.new_context(base_url=server.url, viewport=_SIZE)  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, "adam")
        prod = "/ui/groups/prod"

        def shoot(name: str, path: str, *, height: int = _SIZE["height"]) -> None:
            if path:
                page.goto(prod + path)
            page.set_viewport_size({"width": _SIZE["width"], "height": height})
            picture = IMAGES / f"manager-{name}.png"
            page.screenshot(path=picture)
            assert picture.stat().st_size < _MAX_BYTES, picture

        page.goto(f"{prod}/vaults")
        page.get_by_label("Actions for local-env").click()
        shoot("vaults", "", height=640)
        page.emulate_media(color_scheme="dark")
        shoot("vaults-dark", "/vaults", height=520)
        page.emulate_media(color_scheme="light")
        shoot("vault", f"/vaults/{made['hcv']}", height=900)
        page.goto(f"{prod}/vaults/{made['hcv']}/edit")
        page.get_by_label("host", exact=True).fill("not a host")
        page.get_by_role("button", name="Save").click()
        shoot("vault-form", "", height=1150)
        shoot("references", "/references?vault=team-vault&resource=team/redis&key=password&version=2", height=900)
        shoot("config-store", f"/config-stores/{made['store']}", height=900)
        shoot("status", "/status", height=330)
        shoot("node", "/status/gateway-2", height=860)
        shoot("audit", "/audit", height=720)


if __name__ == "__main__":
    take()
