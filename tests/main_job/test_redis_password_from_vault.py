"""The main job, on real servers: a Redis password from Vault, picked up in the data plane."""

import secrets
import threading

import pytest


@pytest.fixture
def hcv(vault):
    """A mount of this test's own, and the settings that lead to it."""
    mount = f"main-{secrets.token_hex(4)}"
    vault.enable_kv(mount, 2)
    yield {
        "vault_hcv_protocol": vault.protocol,
        "vault_hcv_host": vault.host,
        "vault_hcv_port": vault.port,
        "vault_hcv_mount": mount,
        "vault_hcv_kv": "v2",
        "vault_hcv_token": vault.root_token,
    }
    vault.disable(mount)


def put(vault, hcv, password):
    vault.call("POST", f"{hcv['vault_hcv_mount']}/data/redis", {"data": {"password": password}})


def cache_config(redis, **more):
    return {
        "strategy": "redis",
        "content_type": ["application/json"],
        "redis": {"host": redis.host, "port": redis.port, "password": "{vault://hcv/redis/password}", **more},
    }


def test_a_miss_then_a_hit_with_the_password_from_vault(chain, vault, hcv, redis_server):
    redis = redis_server(password="first-password")
    put(vault, hcv, "first-password")
    lab = chain(**hcv)
    lab.add("vault-proxy-cache", cache_config(redis))

    answers = [lab.get("/items/1"), lab.get("/items/1")]

    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.cache_status for answer in answers] == ["Miss", "Hit"]
    assert answers[0].body == answers[1].body


def test_a_rotation_under_load_fails_no_request(chain, vault, hcv, redis_server):
    redis = redis_server(password="first-password")
    put(vault, hcv, "first-password")
    lab = chain(**hcv, vault_hcv_ttl=3600)
    lab.add("vault-proxy-cache", cache_config(redis))
    lab.get("/items/0")
    statuses, stop = [], threading.Event()

    def client(number):
        turn = 0
        while not stop.is_set():
            turn += 1
            statuses.append(lab.get(f"/items/{number}-{turn % 5}").status)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for number in range(3):
        seen = len(statuses)
        put(vault, hcv, f"password-{number}")
        redis.change_password(f"password-{number}")
        redis.disconnect_clients()
        while len(statuses) < seen + 100:
            stop.wait(0.01)
    stop.set()
    for thread in threads:
        thread.join()

    assert set(statuses) == {200}
    # A login that was refused between the two halves of a rotation may leave the cache out of use for a second.
    after = poll(lambda: lab.get("/items/after"), lambda answer: answer.cache_status == "Hit", timeout_s=5.0)
    assert after.cache_status == "Hit", "the cache works with the last password"
    for password in ("first-password", "password-0", "password-1", "password-2"):
        assert password not in lab.kong_log() + lab.server.output()


def test_a_vault_that_stops_is_not_noticed_while_the_password_is_cached(chain, own_vault, redis_server):
    vault = own_vault()
    vault.enable_kv("kv", 2)
    vault.call("POST", "kv/data/redis", {"data": {"password": "pw"}})
    redis = redis_server(password="pw")
    lab = chain(
        vault_hcv_host=vault.host,
        vault_hcv_port=vault.port,
        vault_hcv_mount="kv",
        vault_hcv_kv="v2",
        vault_hcv_token=vault.root_token,
        vault_hcv_ttl=1,
    )
    lab.add("vault-proxy-cache", cache_config(redis))
    lab.get("/items/1")

    vault.stop()
    redis.disconnect_clients()

    assert lab.get("/items/1").cache_status == "Hit"
    assert lab.get("/items/2").cache_status == "Miss"


def test_redis_down_means_bypass_never_an_error(chain, vault, hcv, redis_server):
    redis = redis_server(password="pw")
    put(vault, hcv, "pw")
    lab = chain(**hcv)
    lab.add("vault-proxy-cache", cache_config(redis))
    lab.get("/items/1")

    redis.stop()
    answers = [lab.get("/items/1") for _ in range(3)]

    assert [(answer.status, answer.cache_status) for answer in answers] == [(200, "Bypass")] * 3


def test_a_request_transformer_never_sends_a_request_on_without_its_secret(chain, vault, hcv):
    lab = chain(**hcv, vault_hcv_neg_ttl=0.2)
    lab.add("vault-request-transformer", {"add": {"headers": ["authorization:Bearer {vault://hcv/api/token}"]}})

    before = lab.get("/x")
    received_before = len(lab.upstream.requests)
    vault.call("POST", f"{hcv['vault_hcv_mount']}/data/api", {"data": {"token": "api-t0ken"}})
    after = poll(lambda: lab.get("/x"), lambda answer: answer.status == 200)

    assert (before.status, received_before, after.status) == (503, 0, 200)
    assert "{vault://hcv/api/token}" in lab.kong_log()
    assert "Bearer api-t0ken" in after.body.decode()


@pytest.mark.parametrize(
    ("settings", "reference", "said"),
    [
        ({}, "{vault://nowhere/a}", "no vault entity has the prefix 'nowhere'"),
        ({}, "{vault://hcv/api/nope}", "nope"),
        ({"vault_hcv_token": "wrong-canary-token"}, "{vault://hcv/api/token}", "token"),
        ({"vault_hcv_port": 1}, "{vault://hcv/api/token}", "127.0.0.1:1"),
        ({"vault_hcv_kv": "v3"}, "{vault://hcv/api/token}", "'kv'"),
    ],
)
def test_what_is_wrong_is_one_line_in_kongs_log_that_names_the_reference(chain, vault, hcv, settings, reference, said):
    vault.call("POST", f"{hcv['vault_hcv_mount']}/data/api", {"data": {"token": "canary-value"}})
    lab = chain(**{**hcv, **settings})
    lab.add("vault-request-transformer", {"add": {"headers": [f"x-token:{reference}"]}}, "/broken")
    lab.add("vault-request-transformer", {"add": {"headers": ["x-plain:1"]}}, "/fine")

    broken, fine = lab.get("/broken"), lab.get("/fine")

    lines = [line for line in lab.kong_log().splitlines() if reference in line]
    assert (broken.status, fine.status) == (503, 200)
    assert len(lines) == 1
    assert said in lines[0]
    assert "canary" not in lab.kong_log() + lab.server.output() + broken.body.decode()


def test_a_sealed_vault_fails_closed_and_comes_back(chain, own_vault):
    vault = own_vault()
    vault.enable_kv("kv", 2)
    vault.call("POST", "kv/data/api", {"data": {"token": "api-t0ken"}})
    lab = chain(
        vault_hcv_host=vault.host,
        vault_hcv_port=vault.port,
        vault_hcv_mount="kv",
        vault_hcv_kv="v2",
        vault_hcv_token=vault.root_token,
    )
    lab.add("vault-request-transformer", {"add": {"headers": ["x-token:{vault://hcv/api/token}"]}})
    vault.seal()
    sealed = lab.get("/x")

    vault.unseal()
    answered = poll(lambda: lab.get("/x"), lambda answer: answer.status == 200)

    assert sealed.status == 503
    assert "sealed" in lab.kong_log()
    assert answered.status == 200


def poll(ask, wanted, timeout_s=20.0):
    waiter, answer = threading.Event(), ask()
    for _ in range(int(timeout_s / 0.1)):
        if wanted(answer):
            break
        waiter.wait(0.1)
        answer = ask()
    return answer
