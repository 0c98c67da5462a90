"""Every rule, declared once: the command, SARIF and ``docs/cli/lint.md`` all read this table."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ["RULES", "Rule", "Severity"]


class Severity(IntEnum):
    """How bad a finding is; the command fails on errors, with ``--strict`` on warnings too."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The severity in lower case, as it is printed."""
        return self.name.lower()


class Rule(NamedTuple):
    """What a rule is about.

    Attributes:
        id: ``KV001``; never given to another rule.
        name: a short name for reports.
        severity: of all its findings.
        why: what happens if nothing is done.
        remedy: what to do.
        fixable: ``--fix`` can mend it, at least in simple cases.
    """

    id: str
    name: str
    severity: Severity
    why: str
    remedy: str
    fixable: bool = False


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

_TABLE = (
    Rule("KV001", "unreadable-syntax", _E, "Kong can't read the file at all.", "Correct the syntax."),
    Rule(
        "KV002",
        "duplicate-key",
        _E,
        "One of the two values is lost: Kong takes the last, decK refuses the file.",
        "Remove one.",
    ),
    Rule("KV003", "malformed-reference", _E, "Kong refuses to parse it.", "Write {vault://<prefix>/<resource>/<key>}."),
    Rule(
        "KV004",
        "unknown-prefix",
        _E,
        'No vault answers to it: Kong puts "" in the field.',
        "Add a vault entity, correct the prefix, or declare it with --prefix.",
    ),
    Rule(
        "KV005",
        "not-quite-a-reference",
        _E,
        "Kong takes it as plain text, so that the text itself becomes the password.",
        "Write {vault://<prefix>/<resource>/<key>}, both braces included.",
    ),
    Rule(
        "KV006",
        "blanks-around-reference",
        _E,
        "A reference must be the whole value: with a blank or a line end beside it, it is plain text.",
        "Remove the blanks.",
        fixable=True,
    ),
    Rule(
        "KV007",
        "reference-inside-text",
        _E,
        "Kong resolves a reference only where it is the whole value; the rest is used as written.",
        "Put the whole text into the secret, or use one of our Python plugins, which resolve inside a text.",
    ),
    Rule(
        "KV008",
        "field-not-referenceable",
        _E,
        "Kong passes the reference on as plain text.",
        "Resolve it before Kong sees it: kong-vault render.",
    ),
    Rule(
        "KV009",
        "version-not-documented",
        _W,
        "Kong documents no versions for that vault: what comes is not promised.",
        "Leave the # part out, or pin the version in the vault.",
    ),
    Rule(
        "KV010", "override-ignored", _W, "Kong ignores it in silence.", "Correct its name, or remove it from the query."
    ),
    Rule(
        "KV011",
        "override-refused",
        _W,
        "It says where the vault is or who we are to it; our resolver refuses that from a reference.",
        "Set it in the vault entity, or allow it: vault_py_allowed_overrides.",
    ),
    Rule(
        "KV012",
        "override-invalid",
        _W,
        "Kong drops the option in silence, the entity's own value too; our resolver refuses it.",
        "Correct the value.",
    ),
    Rule(
        "KV013",
        "strategy-needs-lua",
        _N,
        "Kong OSS brings the env vault alone.",
        "Load our Lua strategy: vaults = bundled,<strategy>, and run kong-vault agent.",
    ),
    Rule(
        "KV014",
        "wrong-edition",
        _E,
        "This edition of Kong doesn't have the plugin, or doesn't resolve references in the field.",
        "Use the Python plugin that does the same, or kong-vault render.",
    ),
    Rule(
        "KV015",
        "wrong-version",
        _E,
        "This version of Kong doesn't resolve references there.",
        "Upgrade Kong, or kong-vault render.",
    ),
    Rule("KV016", "reference-in-key", _E, "Kong resolves values, never keys.", "Move it into the value."),
    Rule(
        "KV017",
        "unquoted-reference",
        _E,
        "Without quotes the braces make it a YAML mapping, which Kong refuses in a text field.",
        "Put it in double quotes.",
        fixable=True,
    ),
    Rule(
        "KV018",
        "cut-by-comment",
        _E,
        "The # begins a comment: the version and the closing brace are cut off.",
        "YAML: put it in double quotes. kong.conf: write \\# for a literal number sign.",
        fixable=True,
    ),
    Rule(
        "KV019",
        "not-a-text-to-yaml",
        _W,
        "Without quotes YAML reads a boolean, a number or a mapping where Kong wants a text.",
        "Put it in double quotes.",
    ),
    Rule(
        "KV020",
        "plaintext-secret",
        _E,
        "Everyone who reads the file, the Admin API or a backup has the secret.",
        "Put it in a vault and write {vault://<prefix>/<resource>/<key>}: Kong resolves references here.",
    ),
    Rule(
        "KV021",
        "plaintext-elsewhere",
        _N,
        "It looks like a secret in plain text, and Kong resolves no references there.",
        "Keep it in a vault and fill it in before Kong sees it: kong-vault render.",
    ),
    Rule(
        "KV022",
        "deck-variable-name",
        _W,
        "decK reads only variables whose name begins with DECK_.",
        "Rename the variable.",
    ),
    Rule(
        "KV023",
        "cut-path",
        _W,
        "Kong cuts a reference's path at ';', and reads '+' as a blank.",
        "Write %253B for ';' and %252B for '+': Kong decodes twice.",
    ),
    Rule(
        "KV030",
        "vault-incomplete",
        _E,
        "Kong refuses the entity.",
        "Give it a name (the strategy) and a prefix, both texts.",
    ),
    Rule(
        "KV031",
        "vault-prefix",
        _E,
        "Kong refuses a prefix that is a strategy's name, or has other than lower case letters, digits and dashes.",
        "Choose another, such as my-<strategy>.",
    ),
    Rule(
        "KV032",
        "vault-prefix-twice",
        _E,
        "A prefix can lead to one vault only.",
        "Rename one, or lint files of different gateways apart.",
    ),
    Rule(
        "KV033",
        "vault-option",
        _E,
        "The vault can't be used with this config.",
        "See the options in docs/strategies.",
    ),
    Rule(
        "KV034",
        "vault-credential-plain",
        _E,
        "Who reads the file, or /vaults of the Admin API, can open the whole vault.",
        'Keep it in the environment: "{vault://env/<variable>}".',
    ),
    Rule(
        "KV035",
        "vault-option-ours",
        _W,
        "Only kong-vault-py knows the option: Kong's own schema refuses it.",
        "Remove it from what Kong reads, or keep the entity in a file of its own.",
    ),
    Rule(
        "KV036",
        "vault-opens-itself",
        _E,
        "A vault can't hold the credential that opens it.",
        "Use another, such as env.",
    ),
    Rule("KV037", "vault-strategy", _E, "No such strategy is installed.", "Correct the name, or install its package."),
    Rule(
        "KV040",
        "ttl-never",
        _W,
        "A ttl of 0 means that a rotated secret never arrives by itself.",
        "Set a ttl in seconds, such as 300.",
    ),
    Rule(
        "KV041",
        "neg-ttl-zero",
        _W,
        "Kong's pages contradict each other: 'off' or 'for ever'. Kong OSS keeps a miss for two minutes in any case.",
        "Leave it out, or set the seconds that you mean.",
    ),
    Rule(
        "KV042",
        "ttl-below-rotation",
        _N,
        "Kong rotates once a minute: what is shorter has no effect, or makes it fetch each time.",
        "Set 120 or more, or lower KONG_VAULT_ROTATION_INTERVAL.",
    ),
)

#: Rule id -> rule.
RULES: dict[str, Rule] = {rule.id: rule for rule in _TABLE}
