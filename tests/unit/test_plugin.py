"""What a plugin author imports."""

import pytest

from kong_vault_py import plugin
from kong_vault_py.errors import SecretNotFoundError
from tests.unit.backend import Backend, make_vault


@pytest.fixture
def backend():
    backend = Backend()
    backend.answers["token"] = "t0ken"
    vault = make_vault(backend)
    plugin.install_vault(vault)
    yield backend
    plugin.install_vault(None)
    vault.close()


def test_binding_fetches_nothing_and_current_brings_the_secret(backend):
    bound = plugin.bind({"token": "{vault://test/token}", "limit": 5})

    assert backend.calls == []
    assert bound.references == ("{vault://test/token}",)
    assert bound.current()["token"].reveal() == "t0ken"
    assert bound.current() is bound.current()


def test_a_config_without_references_needs_no_vault_at_all():
    config = {"limit": 5}

    assert plugin.bind(config).current() is config


def test_an_unresolved_reference_is_raised_never_empty(backend):
    with pytest.raises(SecretNotFoundError):
        plugin.bind({"token": "{vault://test/absent}"}).current()


def test_try_refreshes_after_a_failure(backend):
    bound = plugin.bind({"token": "{vault://test/token}"})
    bound.current()
    backend.answers["token"] = "new-t0ken"

    def call(config):
        if config["token"].reveal() != "new-t0ken":
            raise PermissionError
        return "done"

    assert bound.try_(call, retry_on=PermissionError) == "done"


def test_without_a_server_the_vault_takes_its_settings_from_the_environment(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "from-env")

    try:
        assert plugin.bind({"a": "{vault://env/some-token}"}).current()["a"].reveal() == "from-env"
        assert plugin.vault() is plugin.vault()
    finally:
        plugin.vault().close()
        plugin.install_vault(None)


class StockPdk:
    """The stock server's PDK in its default style: any path, pairs as answers."""

    def __init__(self, answers, path="kong"):
        self._answers, self._path = answers, path

    def __getattr__(self, name):
        return StockPdk(self._answers, f"{self._path}.{name}")

    def __call__(self, *arguments):
        return self._answers[self._path]


def test_the_stock_servers_pairs_are_unwrapped():
    kong = plugin.pdk(StockPdk({"kong.request.get_header": ("v", None), "kong.log": None, "kong.x.y": ("a", "b")}))

    assert kong.request.get_header("x") == "v"
    assert kong.log("hello") is None
    with pytest.raises(RuntimeError, match="the PDK answers: b"):
        kong.x.y()


def test_our_own_servers_pdk_is_left_alone():
    class Ours:
        __kong_vault_py__ = True

    ours = Ours()

    assert plugin.pdk(ours) is ours
