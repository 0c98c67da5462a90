"""Whatever a secret holds, a rendered file reads back as it, by readers that know nothing of us."""

import json
import subprocess

import pytest
import ruamel.yaml
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kong_vault_py.dialect.lua_number import format_number, tonumber
from kong_vault_py.rendering.document import Document, UnrenderableError
from kong_vault_py.rendering.formats import format_named
from kong_vault_py.rendering.references import Prefixes

REFERENCE = "{vault://hcv/team/password}"
NASTY = [
    "", " ", "a: b", "*anchor", "&a", "!tag", "%d", "@at", "`tick`", "- item", "? key", "# no", "a # b", "'", '"', "''",
    '\\"', "\\", "\\n", "back\\", "0012", "1e5", "+5", "0x1F", "007", "5 kB", "1_000", "yes", "null", "~", "1:30", "=",
    "2026-11-21", "{", "}", "[a]", "{{x}}", "${HOME}", "$(id)", "`id`", "$", "a\\#b", "#", "%{x}", "ünï ☃ 🔑", "\u2028",
    "\x85", "\u00a0", "\ufeff", "\ufffe", "a\tb", "\t", "line\nline", "line\n", "\n", " lead", "trail ", "a\r\nb", "\r",
    "-----BEGIN KEY-----\nMIIabc+/=\n-----END KEY-----\n", "-----BEGIN KEY-----\nMIIabc\n-----END KEY-----",
    "---", "...", "--- a", "<<", "\x00", "\x01\x7f", "{vault://other/x}", "%25", "&amp;", "\x1b[31m", "|", ">",
]  # fmt: skip
VALUES = st.one_of(st.sampled_from(NASTY), st.text(max_size=12), st.text(alphabet="'\"\\ \n#:$`a0-{}[]\t", max_size=9))
PROFILE = settings(max_examples=150, deadline=None, database=None, derandomize=True)


def rendered(template, form, value, reference=REFERENCE):
    document = Document(template, format_named(form), "file", Prefixes())
    return document.filled(dict.fromkeys(document.references, value))


YAML_TEMPLATES = [
    '{0}: "R"\n',
    "a: 'R'  # comment\nb: 2\n",
    'a: "Bearer R!"\n',
    "a: 'it''s R'\n",
    "a: Bearer R # comment\nb: [1]\n",
    "a: |\n  R\nb: 1\n",
    "a: |-  # comment\n  head\n  R\n  tail\n\n\nb: 1\n",
    "a: >+\n  folded R\n  text\n\nb: 1\n",
    "a: |2\n    R\nb: 1\n",
    "- - |\n    x: R\n  - 'R'\n",
    'a: {b: ["R", \'R\'], "c": "xR"}\n',
    'a: &anchor "R"\nb: *anchor\n',
    'a: "R and\n  R"\n',
    'a: "\\x7bvault://hcv/team/password} R"\n',
    '\ufeffa: "R"\r\nb: |\r\n  R\r\nc: 1\r\n',
    '--- "R"\n--- |\n R\n...\n',
    "? |\n  R\n: 'R'\n",
]


def in_place(value, new):
    """The same structure, with the reference replaced in every string."""
    if isinstance(value, str):
        return value.replace(REFERENCE, new)
    if isinstance(value, dict):
        return {in_place(key, new): in_place(item, new) for key, item in value.items()}
    return [in_place(item, new) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("template", [text.replace("{0}", "a").replace("R", REFERENCE) for text in YAML_TEMPLATES])
@PROFILE
@given(value=VALUES)
@example(value="a\nb: c")
def test_yaml_reads_back(template, value):
    text = rendered(template, "yaml", value)

    expected = [in_place(document, value) for document in yaml.safe_load_all(template)]
    assert list(yaml.safe_load_all(text)) == expected
    if "\r" not in template:
        assert list(ruamel.yaml.YAML(typ="safe", pure=False).load_all(text)) == expected


@PROFILE
@given(value=VALUES)
def test_json_reads_back(value):
    template = json.dumps({"a": REFERENCE, "b": [f"x {REFERENCE} \\ é"], REFERENCE: 1}, indent=3)

    assert json.loads(rendered(template, "json", value)) == in_place(json.loads(template), value)


@settings(PROFILE, max_examples=25)
@given(values=st.lists(VALUES.filter(lambda value: "\0" not in value), min_size=1, max_size=20))
@example(values=[value for value in NASTY if "\0" not in value])
def test_a_shell_reads_an_env_file_back(values):
    styles = ["{}", "'{}'", '"{}"', "'pre-{}'", '"pre {}"']
    lines = [f"V{n}={styles[n % 5].format(f'{{vault://x/{n}}}')} # it's" for n in range(len(values))]
    document = Document("\n".join(lines), format_named("env"), "file", Prefixes())
    text = document.filled({f"{{vault://x/{n}}}": value for n, value in enumerate(values)})

    script = f"set -a\n{text}\nset +a\nexec env -0"
    output = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True, env={}).stdout
    read = dict(item.split("=", 1) for item in output.decode().rstrip("\0").split("\0"))
    prefixes = ["", "", "", "pre-", "pre "]
    assert [read[f"V{n}"] for n in range(len(values))] == [prefixes[n % 5] + v for n, v in enumerate(values)]


@PROFILE
@given(value=VALUES)
def test_docker_reads_its_env_file_back(value):
    template = f"# {REFERENCE}\nA={REFERENCE}\n  # note\nB=x{REFERENCE} y\nHOME\n"
    try:
        text = rendered(template, "docker-env", value)
    except UnrenderableError:
        assert set(value) & set("\n\r\0")
        return

    lines = [line for line in text.split("\n") if line and not line.lstrip().startswith("#")]
    assert lines == [f"A={value}", f"B=x{value} y", "HOME"]


def read_by_kong(text):
    """As Penlight's config.read and Kong's load_config do it."""
    found, held = {}, ""
    for line in text.split("\n"):
        if not line.strip(" \t\v\f\r") or line.lstrip(" \t\v\f\r")[0] in "#;":
            continue
        if line.rstrip(" \t\v\f\r").endswith("\\"):
            held += line.rstrip(" \t\v\f\r")[:-1]
            continue
        key, _, value = (held + line).partition("=")
        held, value = "", value.lstrip(" \t\v\f\r")
        assert "_blank_" not in value
        number = tonumber(value) if value[:1] in set("0123456789+-") else None
        if number is None and value[:1] in set("0123456789+-") and value.endswith(" kB"):
            number = tonumber(value.replace(" kB", ""))
        value = format_number(number) if number is not None else value.strip(" \t\v\f\r")
        for at, char in enumerate(value):
            if char == "#" and value[at - 1 : at] != "\\":
                value = value[:at].rstrip(" \t\v\f\r")
                break
        found[key.strip()] = value.replace("\\#", "#")
    return found


@settings(PROFILE, max_examples=400)
@given(value=VALUES)
def test_kong_reads_its_configuration_back(value):
    template = (
        f"# a = {REFERENCE}\n; {REFERENCE}\npg_password = {REFERENCE}\nb=x{REFERENCE}y   # {REFERENCE} note\nc = 1"
    )
    try:
        text = rendered(template, "conf", value)
    except UnrenderableError:
        assert set(value) & set("\n\0") or value != value.strip(" \t\n\v\f\r")
        return

    assert read_by_kong(text) == {"pg_password": value, "b": f"x{value}y", "c": "1"}
    assert text.startswith(f"# a = {REFERENCE}\n; {REFERENCE}\npg_password = ")
    assert text.endswith(f"   # {REFERENCE} note\nc = 1")


def test_a_version_in_kong_conf_is_written_with_a_backslash():
    template = "a = {vault://hcv/team/password\\#2} \\\n  and {vault://hcv/team/password\\#2}\n"

    assert rendered(template, "conf", "s#1") == "a = s\\#1 \\\n  and s\\#1\n"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('# R\na: "R"   # R\n\n\nb:   [ "R",2 ]\n', '# R\na: "s3"   # R\n\n\nb:   [ "s3",2 ]\n'),
        ("a: &x 'R' # c\nb: *x\n", "a: &x 's3' # c\nb: *x\n"),
        ("a: |\n    R\n\n# R\nb: 1", "a: |\n    s3\n\n# R\nb: 1"),
        ("a: Bearer R  # c\n", 'a: "Bearer s3"  # c\n'),
        ('port: !!int "R"\n', 'port: !!int "s3"\n'),
    ],
)
def test_everything_else_stays_byte_for_byte(template, expected):
    template = template.replace("R", REFERENCE)

    assert rendered(template, "yaml", "s3") == expected.replace("R", REFERENCE)


def test_a_key_in_lines_goes_into_a_literal_block_as_it_is():
    template = f"certs:\n  - cert: |-\n      {REFERENCE}\n    tags: [x]\n"

    text = rendered(template, "yaml", "-----BEGIN-----\nabc\n-----END-----")

    assert text == "certs:\n  - cert: |-\n      -----BEGIN-----\n      abc\n      -----END-----\n    tags: [x]\n"


def test_bytes_that_are_no_text_go_where_bytes_may_be():
    assert rendered(f"A='{REFERENCE}'\n", "env", "\udcff") == "A='\udcff'\n"
    for form, template in (("yaml", f"a: '{REFERENCE}'"), ("json", f'"{REFERENCE}"')):
        with pytest.raises(UnrenderableError, match="file:1: {vault://hcv/team/password}: .* not UTF-8"):
            rendered(template, form, "\udcff")
