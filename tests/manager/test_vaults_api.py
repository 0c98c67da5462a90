"""The vaults of a group, over HTTP: what Kong's Admin API does with a vault entity, and what it can't."""

import uuid

import pytest

from tests.manager.running import ON_SQLITE

HCV = {"name": "hcv", "config": {"host": "vault.internal", "token": "canary-token"}}
NO_ID = "f4aecadc-05c7-11e6-8d41-1f3b3d5fa15c"


def test_a_vault_is_made_seen_changed_and_removed_by_prefix_and_by_id(kong):
    made = kong.post("/vaults", json={**HCV, "prefix": "my-hcv", "description": "ours", "tags": ["a", "b", "a"]})

    assert made.status_code == 201
    vault = made.json()
    assert vault["prefix"] == "my-hcv"
    assert vault["description"] == "ours"
    assert vault["tags"] == ["a", "b"]
    assert vault["created_at"] == vault["updated_at"] == 1_800_000_000
    assert vault["config"]["host"] == "vault.internal"
    assert vault["config"]["port"] == 8200, "Kong fills in defaults"
    assert vault["config"]["ttl"] is None, "and names what is unset"
    assert kong.get("/vaults/my-hcv").json() == kong.get(f"/vaults/{vault['id']}").json() == vault

    changed = kong.patch("/vaults/my-hcv", json={"config": {"ttl": 60}, "tags": None})
    assert changed.status_code == 200
    assert changed.json()["config"]["ttl"] == 60
    assert changed.json()["config"]["host"] == "vault.internal"
    assert changed.json()["tags"] is None

    assert kong.delete(f"/vaults/{vault['id']}").status_code == 204
    assert kong.get("/vaults/my-hcv").status_code == 404
    assert kong.get("/vaults/my-hcv").json() == {"message": "Not found"}
    assert kong.delete("/vaults/my-hcv").status_code == 204, "as in Kong"


def test_put_makes_or_replaces_by_prefix_and_by_id(kong):
    vault_id = str(uuid.uuid4())

    by_prefix = kong.put("/vaults/env-1", json={"name": "env"})
    by_id = kong.put(f"/vaults/{vault_id}", json={"name": "env", "prefix": "env-2", "config": {"prefix": "A_"}})
    again = kong.put("/vaults/env-2", json={"name": "env"})

    assert (by_prefix.status_code, by_prefix.json()["prefix"]) == (200, "env-1")
    assert (by_id.status_code, by_id.json()["id"]) == (200, vault_id)
    assert again.json()["id"] == vault_id
    assert again.json()["config"]["prefix"] == by_prefix.json()["config"]["prefix"], "what isn't given is unset"


@ON_SQLITE
def test_methods_that_kong_lacks_are_refused_as_kong_does(kong):
    for method in ("DELETE", "PATCH"):
        answer = kong.request(method, "/vaults", json={})
        assert (answer.status_code, answer.json()) == (405, {"message": "Method not allowed"})
    assert kong.patch(f"/vaults/{NO_ID}", json={"prefix": "abc"}).status_code == 404


def test_a_prefix_is_unique_in_its_group_only(kong, api):
    other = api.group()
    assert kong.post("/vaults", json={"name": "env", "prefix": "my-env"}).status_code == 201

    second = kong.post("/vaults", json={"name": "env", "prefix": "my-env"})
    elsewhere = api.root.post(f"/groups/{other}/vaults", json={"name": "env", "prefix": "my-env"})

    assert second.status_code == 409
    assert second.json() == {
        "code": 5,
        "name": "unique constraint violation",
        "message": "UNIQUE violation detected on '{prefix=\"my-env\"}'",
        "fields": {"prefix": "my-env"},
    }
    assert elsewhere.status_code == 201
    assert kong.get(f"/vaults/{elsewhere.json()['id']}").status_code == 404
    stolen = kong.put(f"/vaults/{elsewhere.json()['id']}", json={"name": "env", "prefix": "other"})
    assert stolen.status_code == 409


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name": "required field missing", "prefix": "required field missing"}),
        ({"name": "env", "prefix": "env"}, {"prefix": "must not be one of: env"}),
        ({"name": "env", "prefix": "Ab"}, {"prefix": "invalid value: Ab"}),
        ({"name": "nope", "prefix": "abc"}, {"name": "vault 'nope' is not installed"}),
        ({"name": "env", "prefix": "abc", "x": 1}, {"x": "unknown field"}),
        ({"name": "env", "prefix": "abc", "config": 1}, {"config": "expected a record"}),
        ({"name": "env", "prefix": "abc", "config": {"y": 1}}, {"config": {"y": "unknown field"}}),
        ({"name": "hcv", "prefix": "abc", "config": {"port": "1"}}, {"config": {"port": "expected an integer"}}),
        ({"name": "env", "prefix": "abc", "tags": "a"}, {"tags": "expected a set"}),
        ({"name": "env", "prefix": "abc", "id": "1"}, {"id": "expected a valid UUID"}),
        ({"name": "env", "prefix": 5}, {"prefix": "expected a string"}),
        ({"name": "conjur", "prefix": "abc"}, {"config": {"endpoint_url": "required field missing"}}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_kong_would_refuse_is_refused_in_its_words(kong, body, fields):
    refused = kong.post("/vaults", json=body)
    tried = kong.post("/schemas/vaults/validate", json=body)

    assert refused.status_code == tried.status_code == 400
    assert refused.json() == tried.json()
    assert refused.json()["code"] == 2
    assert refused.json()["name"] == "schema violation"
    found = refused.json()["fields"]
    for name, text in fields.items():
        if isinstance(text, dict):
            assert text.items() <= found[name].items()
        else:
            assert found[name].startswith(text)
            assert f"{name}: {text}" in refused.json()["message"]


@ON_SQLITE
def test_a_prefix_in_a_url_that_can_be_none_is_refused_as_kong_does(kong):
    refused = kong.put("/vaults/env", json={"name": "env"})

    assert refused.status_code == 400
    assert refused.json()["code"] == 10
    assert refused.json()["name"] == "invalid unique prefix"
    assert refused.json()["message"].startswith("must not be one of: env")


@ON_SQLITE
def test_options_that_do_not_go_together_are_refused(kong):
    config = {"auth_method": "cert", "cert_auth_cert": "a", "cert_auth_cert_key": "b", "protocol": "http"}

    refused = kong.post("/vaults", json={"name": "hcv", "prefix": "abc", "config": config})

    assert refused.status_code == 400
    assert "https" in refused.json()["fields"]["@entity"][0]


def test_pages_are_walked_by_offset(kong):
    ids = {kong.put(f"/vaults/env-{number}", json={"name": "env", "tags": ["x"]}).json()["id"] for number in range(7)}

    seen, path = [], "vaults?size=3&tags=x"
    while path:
        page = kong.get(path.removeprefix("/")).json()
        seen += [vault["id"] for vault in page["data"]]
        assert ("offset" in page) == (page["next"] is not None)
        path = page["next"]

    assert seen == sorted(ids)


@ON_SQLITE
@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("size=0", 9, "size must be an integer between 1 and 1000"),
        ("size=1001", 9, "size must be an integer between 1 and 1000"),
        ("size=x", 9, "size must be a number"),
        ("offset=%%%", 7, "bad base64 encoding"),
        ("offset=e30=", 7, "bad offset"),
        ("tags=", 11, "tags: cannot be null"),
        ("tags=a,b/c", 11, "invalid filter syntax"),
        ("tags=a,b,c,d,e,f", 11, "cannot query more than 5 tags"),
    ],
)
def test_pages_that_can_not_be_are_refused_as_kong_does(kong, query, code, text):
    refused = kong.get(f"/vaults?{query}")

    assert refused.status_code == 400
    assert refused.json()["code"] == code
    assert text in refused.json()["message"]


def test_tags_filter_for_all_or_for_any(kong):
    for prefix, tags in {"ab": ["a", "b"], "aa": ["a"], "bb": ["b"], "cc": None}.items():
        kong.put(f"/vaults/{prefix}", json={"name": "env", "tags": tags})

    def found(filter_):
        return {vault["prefix"] for vault in kong.get("/vaults", params={"tags": filter_}).json()["data"]}

    assert found("a") == {"ab", "aa"}
    assert found("a,b") == {"ab"}
    assert found("a/b") == {"ab", "aa", "bb"}
    kong.patch("/vaults/ab", json={"tags": ["c"]})
    assert found("a,b") == set()


@ON_SQLITE
def test_schemas_say_what_forms_need(kong):
    schema = kong.get("/schemas/vaults/hcv").json()
    config = schema["fields"][0]["config"]
    fields = {name: field for entry in config["fields"] for name, field in entry.items()}

    assert config["type"] == "record"
    assert fields["port"]["type"] == "integer"
    assert fields["port"]["default"] == 8200
    assert fields["protocol"]["one_of"] == ["http", "https"]
    assert fields["token"]["referenceable"]
    assert fields["token"]["encrypted"]
    missing = kong.get("/schemas/vaults/nope")
    assert (missing.status_code, missing.json()) == (404, {"message": "No vault named 'nope'"})


@ON_SQLITE
def test_kongs_clients_find_a_node_with_nothing_but_vaults(kong):
    assert kong.get("/").json()["version"].startswith("3.")
    assert kong.get("/status").json()["database"] == {"reachable": True}
    assert kong.get("/services?size=1000").json() == {"data": [], "next": None}
    assert kong.get("/nope").status_code == 404


@ON_SQLITE
@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b'{"name": "\\u0000"}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"name=env", "text/plain", 415),
        (b"config=1&config.port=2", "application/x-www-form-urlencoded", 400),
        (b"config.port=2&config=1", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 3000, "application/x-www-form-urlencoded", 400),
        (b"name=%00", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', "application/json", 413),
    ],
    ids=[
        "broken",
        "list",
        "nan",
        "nul",
        "surrogate",
        "deep",
        "text",
        "form-twice",
        "form-again",
        "form-long",
        "form-nul",
        "form-bytes",
        "large",
    ],
)
def test_bodies_that_are_no_object_are_refused(kong, content, media_type, status):
    answer = kong.post("/vaults", content=content, headers={"Content-Type": media_type})

    assert answer.status_code == status
    assert answer.json()["message"]


@ON_SQLITE
def test_forms_are_taken_in_kongs_notation(kong):
    form = (
        "name=hcv&prefix=my-hcv&config.host=vault.internal&config.port=8300&config.ssl_verify=false&tags[]=a&tags[]=b"
    )
    form += "&config.token=%7Bvault://env/token%7D"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    made = kong.post("/vaults", content=form, headers=headers)
    changed = kong.patch("/vaults/my-hcv", data={"config.ttl": "60", "config.host": "", "tags": "c"})
    wrong = kong.put("/vaults/my-hcv", data={"name": "hcv", "config.port": "many"})

    assert made.status_code == 201, made.text
    assert made.json()["tags"] == ["a", "b"]
    config = made.json()["config"]
    assert (config["host"], config["port"], config["ssl_verify"]) == ("vault.internal", 8300, False)
    assert changed.json()["config"]["ttl"] == 60
    assert changed.json()["config"]["host"] == "127.0.0.1", "an empty one is unset"
    assert changed.json()["tags"] == ["c"]
    assert wrong.json()["fields"] == {"config": {"port": "expected an integer"}}
