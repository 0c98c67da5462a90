"""The settings file, the environment, and what is wrong with them."""

import pytest

from kong_vault_py.errors import ConfigError
from kong_vault_py.settings import Settings, parse_conf


def write(tmp_path, text, mode=0o600):
    path = tmp_path / "kong-vault.conf"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_file_is_kong_confs_format(tmp_path):
    path = write(
        tmp_path,
        "# a comment\n\nvault_hcv_host = vault.internal   # where\n"
        "  vault_hcv_token=s.a\\#b\nvault_fs_prefix = /run/a b\n",
    )

    values = Settings.load(path, environ={}).values

    assert values == {
        "vault_hcv_host": "vault.internal",
        "vault_hcv_token": "s.a#b",
        "vault_fs_prefix": "/run/a b",
    }


def test_the_environment_wins_over_the_file_and_brings_its_own(tmp_path):
    path = write(tmp_path, "vault_hcv_host = from-file\nvault_hcv_port = 1\n")
    environ = {"KONG_VAULT_HCV_HOST": "from-env", "KONG_DATABASE": "off", "PATH": "/bin"}

    values = Settings.load(path, environ).values

    assert values == {"vault_hcv_host": "from-env", "vault_hcv_port": "1"}


def test_the_files_path_may_come_from_the_environment(tmp_path):
    path = write(tmp_path, "vault_py_rotation_workers = 7\n")

    settings = Settings.load(environ={"KONG_VAULT_PY_SETTINGS": str(path)})

    assert settings.runtime.rotation_workers == 7
    assert settings.path == path


def test_our_own_settings_are_typed_and_have_defaults():
    settings = Settings.load(environ={"KONG_VAULT_PY_ROTATION_JITTER": "0.25"})

    assert settings.runtime.rotation_jitter == 0.25
    assert settings.runtime.cache_max_entries == 10_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vault_hcv_host\n", "line 1: not of the form 'key = value'"),
        ("\n= 5\n", "line 2: not of the form 'key = value'"),
        ("vault_py_rotation_workers = many\n", "option 'rotation_workers'"),
        ("vault_py_rotation_jitter = 3\n", "option 'rotation_jitter'.*between"),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        Settings.load(write(tmp_path, text), environ={})


def test_a_file_that_is_not_there_or_is_no_text_is_named(tmp_path):
    binary = tmp_path / "binary.conf"
    binary.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="absent.conf: can't read it: No such file"):
        Settings.load(tmp_path / "absent.conf", environ={})
    with pytest.raises(ConfigError, match="binary.conf: can't read it: it is not UTF-8"):
        Settings.load(binary, environ={})


def test_a_file_that_others_can_read_gets_a_warning(tmp_path, caplog):
    Settings.load(write(tmp_path, "vault_hcv_token = t\n", mode=0o644), environ={})
    assert "0644" in caplog.text
    assert "chmod 600" in caplog.text

    caplog.clear()
    Settings.load(write(tmp_path, "vault_hcv_token = t\n", mode=0o600), environ={})
    assert caplog.text == ""


def test_parsing_keeps_equals_signs_in_values():
    assert parse_conf("a = b = c", "test") == {"a": "b = c"}


#: What Kong's reader makes of it (Penlight 1.13 with Kong's options and its removal of comments).
AS_KONG_READS_IT = [
    ("; a comment, too\n  ; indented\na = 1", {"a": "1"}),
    ("list = one, \\\n  two, \\  \n; amid\n  # amid\n  three # end\nb = 2", {"list": "one,   two,   three", "b": "2"}),
    ("a = 1 # no end \\\nb = 2", {"a": "1"}),
    ("hash = a\\#b\\\\#c ; not a comment", {"hash": "a#b\\#c ; not a comment"}),
    ("url = a#b", {"url": "a"}),
    ("empty = # nothing", {"empty": ""}),
    ('quoted = "x y"', {"quoted": '"x y"'}),
    ("vault-hcv.host = a", {"vault_hcv_host": "a"}),
    ("other_ends = a\r\nb = 1\r\n", {"other_ends": "a", "b": "1"}),
    (
        "no_line_end = a\u2028b\x0cc\nnot_cut = \u00a0x\u00a0",
        {"no_line_end": "a\u2028b\x0cc", "not_cut": "\u00a0x\u00a0"},
    ),
    ("twice = 1\ntwice = 2", {"twice": "2"}),
]


@pytest.mark.parametrize(("text", "expected"), AS_KONG_READS_IT)
def test_a_file_means_what_it_means_to_kong(text, expected):
    assert parse_conf(text, "test") == expected


@pytest.mark.parametrize("value", ["0012", "1e5", "0x10", "12 kB", "+5"])
def test_values_stay_text_where_kong_would_make_numbers_of_them(value):
    assert parse_conf(f"token = {value}", "test") == {"token": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\n\nb = 2 \\\n# end", "line 3: ends with a backslash, and no line follows"),
        ("a = 1\nalone \\\n and more\n", "line 2: not of the form"),
        ("[section]\na = 1", "line 1: not of the form"),
        ("[a=b]", "line 1: not of the form"),
    ],
)
def test_what_kong_would_drop_in_silence_is_an_error_here(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_conf(text, "test")
