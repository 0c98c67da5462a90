"""From a strategy's options to a form's fields, and from what a form sends to a config."""

from dataclasses import dataclass

from kong_vault_py.manager.page.forms import field_problems
from kong_vault_py.manager.page.vault_form import form_sections, given_config, given_tags
from kong_vault_py.manager.problems import ConflictError, SchemaViolationError, UniqueViolationError
from kong_vault_py.options import StrategyConfig, option, options_of
from kong_vault_py.secret import MASK
from kong_vault_py.strategies.registry import BUILT_IN, load_strategy


@dataclass(frozen=True)
class Config(StrategyConfig):
    host: str = option("localhost", help="Host.", required=True)
    port: int = option(80, kind="integer", between=(0, 65535), help="Port.")
    share: float = option(0.5, kind="number", help="Share.")
    kind: str = option("a", one_of=("a", "b"), help="Kind.")
    on: bool = option(True, kind="boolean", help="On.")
    token: str | None = option(None, secret=True, help="Token.")


OPTIONS = list(options_of(Config))
EMPTY = {"config.host": "", "config.on": "on"}


def fields(config=None, form=None, problems=None):
    sections = form_sections(OPTIONS, config or {}, form, problems or {})
    return {field.option.name: field for section in sections for field in section.fields}


def given(form, stored=None):
    return given_config(OPTIONS, form, stored or {})


def test_each_option_becomes_the_field_that_suits_it():
    made = fields()

    widgets = {name: made[name].widget for name in ("host", "port", "share", "kind", "on", "token", "ttl")}
    assert widgets == {
        "host": "text", "port": "number", "share": "number", "kind": "select", "on": "checkbox", "token": "secret",
        "ttl": "number",
    }  # fmt: skip
    assert (made["host"].value, made["host"].default) == ("", "localhost")
    assert made["on"].checked


def test_every_built_in_strategys_form_has_all_its_options_once():
    for name in BUILT_IN:
        options = list(options_of(load_strategy(name).config_class))
        shown = [field.option.name for section in form_sections(options, {}, None, {}) for field in section.fields]
        assert sorted(shown) == sorted(known.name for known in options), name


def test_texts_become_values_of_the_options_kind_and_what_will_not_do_stays_for_the_check_to_tell():
    form = {"config.host": " h ", "config.port": "8080", "config.share": "-0.25", "config.kind": "b"}
    made = given(form)

    assert (made["host"], made["port"], made["share"], made["kind"], made["on"]) == ("h", 8080, -0.25, "b", False)
    for wrong in ("nan", "1e999", "0x10", "1_0", "many", "9" * 40):
        assert given({"config.port": wrong})["port"] == wrong
    assert given(EMPTY)["host"] is None, "empty is unset"
    assert given(EMPTY)["on"] is True


def test_a_credential_is_never_in_the_form_and_stays_if_it_is_left_empty():
    for stored, reference in ((MASK, ""), ("{vault://env/token}", "{vault://env/token}")):
        field = fields({"token": stored}, form={"config.token": "typed"})["token"]
        assert (field.value, field.kept, field.reference) == ("", True, reference)
        assert given(EMPTY, {"token": stored})["token"] == stored
        assert given({**EMPTY, "forget.token": "on"}, {"token": stored})["token"] is None
        assert given({**EMPTY, "config.token": "new"}, {"token": stored})["token"] == "new"
    assert given(EMPTY)["token"] is None


def test_what_is_shown_again_is_what_was_typed():
    stored = {"host": "old", "port": 1, "on": True}
    made = fields(stored, form={"config.host": "typed", "config.port": "x"}, problems={"config.port": "no number"})

    assert (made["host"].value, made["port"].value, made["on"].checked) == ("typed", "x", False)
    assert made["port"].problem == "no number"
    assert fields(stored)["host"].value == "old"


def test_many_options_are_put_together_by_their_first_word_and_closed_unless_set():
    options = list(options_of(load_strategy("hcv").config_class))

    def titles(config, problems=None):
        return {section.title: section.open for section in form_sections(options, config, None, problems or {})}

    assert {"", "Options approle_…", "Options kube_…", "Options aws_…", "Caching and deadline"} <= titles({}).keys()
    assert not any(is_open for title, is_open in titles({}).items() if title)
    assert titles({"approle_role_id": "r"})["Options approle_…"]
    assert titles({"approle_secret_id": MASK})["Options approle_…"]
    assert titles({}, {"config.ttl": "wrong"})["Caching and deadline"]
    assert not titles({"kube_auth_path": "kubernetes", "fetch_timeout_s": 5.0})["Options kube_…"], "the default"


def test_a_pem_text_gets_the_line_ends_back_that_a_browser_takes_out():
    pem = "-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n" + "B" * 10 + "==\n-----END PRIVATE KEY-----\n"

    for flat in (pem.replace("\n", " "), pem.replace("\n", "")):
        assert given({"config.token": flat})["token"] == pem
    assert given({"config.token": (pem + pem).replace("\n", "")})["token"] == pem + pem


def test_tags_and_problems():
    assert given_tags(" a , b,,c ") == ["a", "b", "c"]
    assert given_tags(" , ") is None
    violation = SchemaViolationError(
        {"prefix": "bad", "tags": {2: "worse"}, "config": {"host": "worst"}, "@entity": ["together"]}
    )
    expected = {"prefix": "bad", "tags": "worse", "config.host": "worst", "": "together"}
    assert field_problems(violation) == expected
    assert field_problems(UniqueViolationError({"prefix": "x"})) == {"prefix": "another one has this already"}
    assert field_problems(ConflictError("no")) == {"": "no"}
