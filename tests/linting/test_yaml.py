"""YAML's traps: what a parser reads where the author meant something else; and that no file ends the process."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_vault_py.linting.finding import Edit, Findings
from kong_vault_py.linting.fix import fixed
from kong_vault_py.linting.lint import lint
from kong_vault_py.linting.report import as_github, as_json, as_text
from kong_vault_py.linting.sarif import as_sarif
from kong_vault_py.linting.source import Source
from tests.linting.asking import found_in, password, rules_in


@pytest.mark.parametrize(
    "value",
    ["{vault://env/x}", "{vault://env/x#2}", "{vault://env/x?ttl=300}   # comment", "{vault://env/a,b}"],
)
def test_a_reference_without_quotes_is_a_mapping(value):
    assert rules_in(password(value)) == ["KV017"]


def test_a_reference_without_quotes_is_found_in_lists_and_in_files_that_do_not_parse():
    assert rules_in("plugins: [{name: openid-connect, config: {client_secret: [{vault://env/x}]}}]") == ["KV017"]
    assert rules_in(password("{vault://env/x?a=b:c}") + "broken: [\n") == ["KV017", "KV001"]


@pytest.mark.parametrize("value", ["{vault://env/x #2}", "Bearer {vault://env/x #2}"])
def test_a_version_behind_a_blank_is_cut_off(value):
    assert "KV018" in rules_in(password(value))


def test_a_version_in_kong_conf_is_cut_off_unless_escaped():
    assert rules_in("pg_password = {vault://env/pg#2}", name="kong.conf") == ["KV018"]
    assert rules_in("pg_password = {vault://env/pg\\#2}", name="kong.conf") == []
    assert rules_in("KONG_PG_PASSWORD={vault://env/pg#2}", name=".env") == []


@pytest.mark.parametrize("value", ["yes", "12345", "1e5", "0o17", "1.5", "off"])
def test_what_is_no_text_to_yaml_is_told(value):
    assert "KV019" in rules_in(password(value))


def test_an_item_with_a_colon_and_a_blank_is_a_mapping():
    text = "plugins: [{name: request-transformer-advanced, config: {add: {headers: [X-A: b]}}}]"

    assert rules_in(text) == ["KV019"]


def test_a_key_that_stands_twice_is_found_in_every_format():
    assert rules_in("plugins: []\nplugins: []\n") == ["KV002"]
    assert rules_in("a = 1\na = 2\n", name="kong.conf") == ["KV002"]
    assert rules_in("KONG_A=1\nKONG_A=2\n", name=".env") == ["KV002"]


@pytest.mark.parametrize("key", ['"{vault://env/x}"', "{vault://env/x}", '"a {vault://env/x}"'])
def test_a_reference_in_a_key_is_found(key):
    assert "KV016" in rules_in(f"services:\n- name: a\n  {key}: b\n")


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: b: c", "a: *nowhere", "\x00", "[" * 500, "a: \ud800".encode("utf-8", "replace").decode() + "\x01"],
)
def test_what_cannot_be_parsed_is_one_finding_at_its_place(text):
    found = found_in(text)

    assert [one.rule.id for one in found] == ["KV001"]
    assert found[0].position >= (1, 1)


def test_aliases_that_multiply_end_and_are_told():
    lines = ["services:", "- &a0 {name: x}"]
    lines += [f"- &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 40)]

    assert rules_in("\n".join(lines)) == ["KV001"]
    assert rules_in("services:\n- &a {x: *a}") == ["KV001"]
    assert rules_in("services:\n- &a {name: x}\n- *a\n- *a\n") == []


def test_a_long_file_is_read_to_its_end():
    text = "services:\n" + "- {name: a, retries: {x: {y: 1}}, routes: [{paths: [/]}]}\n" * 500

    assert rules_in(text + "plugins: [{name: session, config: {secret: abc}}]\n") == ["KV020"]
    assert rules_in(password("abc") * 300, ignored=["KV002"]) == ["KV020"] * 300


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_json_may_have_tabs_and_surrogates(loader, monkeypatch):
    monkeypatch.setattr("kong_vault_py.linting.yaml_tree._LOADER", loader)
    text = (
        '{\n\t"plugins": [{"name": "session", "tags": ["\\ud83d\\ude00", "\\\\ud83d"], "config": {"secret": "abc"}}]}'
    )
    (found,) = lint([Source("kong.json", text)])

    assert text[found.start : found.end] == '"abc"'


def test_positions_count_characters_in_spite_of_marks_and_line_ends():
    text = "\ufeffplugins:\r\n- name: session\r\n  config: {ä: 'ö😀', secret: hunter2}\r\n"
    (found,) = lint([Source("kong.yml", text)])

    assert found.position == (3, 29)
    assert text[found.start : found.end] == "hunter2"


def test_comments_silence_a_rule_on_their_line_or_the_next():
    secret = "plugins:\n- name: session\n  config:\n    secret: hunter2{}\n"

    assert rules_in(secret.format("")) == ["KV020"]
    assert rules_in(secret.format(" # kong-vault: ignore KV020")) == []
    assert rules_in(secret.format(" # kong-vault: ignore KV021, KV020")) == []
    assert rules_in(secret.format(" # kong-vault: ignore KV021")) == ["KV020"]
    assert rules_in(secret.format("").replace("    secret", "    # kong-vault: ignore KV020\n    secret")) == []
    assert rules_in(secret.format("").replace("plugins", "# kong-vault: ignore KV020\nplugins")) == ["KV020"]
    assert rules_in(secret.format(""), ignored=["KV020"]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (password("{vault://env/x#2}  # why"), password('"{vault://env/x#2}"  # why')),
        (password("'{vault://env/x} '"), password("'{vault://env/x}'")),
        (password('"{vault://env/x}\\n"'), None),
        (password("|\n        {vault://env/x}"), password('"{vault://env/x}"')),
        (password("{vault://env/x}#2"), None),
        (password("{vault://env/x}") + "a: [\n", password('"{vault://env/x}"') + "a: [\n"),
        (password("hunter2"), None),
        ("\ufeffa: 1\r\nb: {vault://env/ä}\r\n", '\ufeffa: 1\r\nb: "{vault://env/ä}"\r\n'),
    ],
)
def test_a_fix_changes_its_place_and_nothing_else(before, after):
    findings = lint([Source("kong.yml", before)])

    assert fixed(before, findings) == (after or before)


def test_edits_that_overlap_wait_for_the_next_run():
    source, findings = Source("kong.yml", "abcdef"), Findings()
    findings.add("KV017", source, (0, 3), "one", edit=Edit(0, 3, "X"))
    findings.add("KV006", source, (2, 4), "two", edit=Edit(2, 4, "Y"))
    findings.add("KV006", source, (4, 5), "three", edit=Edit(4, 5, "Z"))

    assert fixed(source.text, findings.in_order()) == "XdZf"


def test_kong_conf_is_fixed_by_an_escape():
    text = "a = 1\npg_password = {vault://env/pg#2} \n"

    assert fixed(text, found_in(text, name="kong.conf")) == "a = 1\npg_password = {vault://env/pg\\#2} \n"


_WORDS = st.sampled_from(
    ["plugins", "name", "config", "rate-limiting", "redis", "password", "vaults", "prefix", "hcv", "token", "ttl", "<<",
     "{vault://env/x}", "{vault://", "services", "kind", "KongPlugin", "apiVersion", "headers", "KONG_VAULTS"]
)  # fmt: skip
_TREES = st.recursive(
    st.one_of(_WORDS, st.text(max_size=8), st.integers(), st.none(), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_WORDS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(tree=_TREES, top=st.sampled_from(["plugins", "vaults", "services", "environment"]))
def test_no_document_breaks_it(tree, top):
    text = json.dumps({"_format_version": "3.0", top: [tree, {"name": "hcv", "config": tree}]}, ensure_ascii=False)
    findings = lint([Source("kong.yml", text)])

    assert as_json(findings, 1)
    assert as_sarif(findings, "1")


_MARKS = st.sampled_from([*": \n{}[]\"'#=\t,", ": ", "\n- ", "  ", "&a ", "*a", "|\n"])


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=200) | st.lists(_WORDS | _MARKS, max_size=40).map("".join),
    name=st.sampled_from(["kong.yml", "kong.conf", ".env", "-", "a.json"]),
)
def test_no_text_breaks_it(text, name):
    findings = lint([Source(name, text)])

    assert len(as_text(findings)) == len(as_github(findings)) == len(findings)
    assert all("\n" not in line for line in [*as_text(findings), *as_github(findings)])
    mended = fixed(text, findings)
    assert mended == text or any(found.edit for found in findings)


@settings(max_examples=100, deadline=None)
@given(secret=st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12).map(lambda text: f"Canary{text}"))
def test_no_password_is_ever_shown(secret):
    text = json.dumps(
        {
            "plugins": [
                {"name": "session", "config": {"secret": secret}},
                {"name": "http-log", "config": {"headers": {"Authorization": f"Basic {secret}"}}},
                {"name": "unknown", "config": {"password": secret, "x": f"{{vault:/{secret}}}"}},
            ],
            "vaults": [{"name": "hcv", "prefix": "my-hcv", "config": {"token": secret, "port": secret}}],
        }
    )
    findings = lint([Source("kong.yml", text)])
    shown = "".join([*as_text(findings), *as_github(findings), as_json(findings, 1), as_sarif(findings, "1")])

    assert {"KV020", "KV021", "KV034", "KV033"} <= {found.rule.id for found in findings}
    assert secret not in shown
    assert "Canary" not in shown
