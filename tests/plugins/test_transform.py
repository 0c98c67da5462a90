"""What the transformer's rules do to headers, parameters and bodies."""

from __future__ import annotations

import json

import pytest

from kong_vault_py import ConfigError, Secret
from kong_vault_py.plugin_kit.transform.body import BodyKind, body_kind, change_body
from kong_vault_py.plugin_kit.transform.headers import change_headers
from kong_vault_py.plugin_kit.transform.json_body import change_json
from kong_vault_py.plugin_kit.transform.multipart import change_multipart
from kong_vault_py.plugin_kit.transform.parameters import change_parameters
from kong_vault_py.plugin_kit.transform.rules import OPERATIONS, Rules, cut_items, rules_for


def cut(operation: str, *items: str) -> list[object]:
    config = cut_items({operation: {"headers": list(items)}})
    result: list[object] = config[operation]["headers"]
    return result


class TestItems:
    @pytest.mark.parametrize(
        ("item", "pair"),
        [
            ("X-Key:value", ["X-Key", "value"]),
            ("X-Key: Bearer {vault://hcv/api/token}", ["X-Key", " Bearer {vault://hcv/api/token}"]),
            ("X-Key:{vault://hcv/api/token}", ["X-Key", "{vault://hcv/api/token}"]),
            ("X-Url:https://example.com:80/", ["X-Url", "https://example.com:80/"]),
            ("X-Key::value", ["X-Key", "value"]),
            ("a:line\nbreak", ["a", "line\nbreak"]),
        ],
    )
    def test_an_item_is_cut_at_its_first_colons(self, item, pair):
        assert cut("add", item) == [pair]

    def test_an_item_that_begins_with_a_reference_waits_for_its_text(self):
        item = "{vault://hcv/api/header}"
        assert cut("add", item) == [item]

        config = {**cut_items({}), "add": {"headers": [Secret("X-Key: a:b")], "querystring": [], "body": []}}

        assert rules_for("headers", config).add == (("X-Key", " a:b"),)

    @pytest.mark.parametrize("item", ["X-Key", "X-Key:", ":value", ""])
    def test_an_item_without_name_or_value_is_refused(self, item):
        with pytest.raises(ConfigError, match=r"^add\.headers: an item is not of the form 'name:value'$"):
            cut("add", item)

    def test_a_secret_that_is_no_item_is_not_shown(self):
        config = {**cut_items({}), "add": {"headers": [Secret("sesame-open")], "querystring": [], "body": []}}

        with pytest.raises(ConfigError) as raised:
            rules_for("headers", config)
        assert "sesame" not in str(raised.value)

    def test_what_is_removed_has_a_name_only(self):
        rules = rules_for("headers", cut_items({"remove": {"headers": ["X-A", "X-B:ignored"]}}))

        assert rules.remove == ("X-A", "X-B")

    def test_values_are_revealed_and_never_shown(self):
        config = cut_items({"add": {"headers": ["X-Key:v"]}})
        config["add"]["headers"] = [["X-Key", Secret("sesame-open")]]

        rules = rules_for("headers", config)

        assert rules.add == (("X-Key", "sesame-open"),)
        assert "sesame" not in repr(rules)

    def test_rules_without_items_are_false(self):
        assert not rules_for("body", cut_items({}))
        assert all(Rules(**{operation: ("x",)}) for operation in OPERATIONS)


class TestHeaders:
    HEADERS = {"host": ["example.com"], "x-old": ["1"], "x-many": ["1", "2"], "accept": ["*/*"]}

    @pytest.mark.parametrize(
        ("rules", "cleared", "written"),
        [
            (Rules(remove=["X-Old", "X-Absent", "Host"]), ["x-old"], {}),
            (Rules(rename=[("X-Old", "X-New")]), ["x-old"], {"X-New": "1"}),
            (Rules(rename=[("X-Many", "X-Old")]), ["x-many"], {"X-Old": ["1", "2"]}),
            (Rules(rename=[("X-Absent", "X-New")]), [], {}),
            (Rules(rename=[("x-old", "X-OLD")]), ["x-old"], {"X-OLD": "1"}),
            (Rules(replace=[("X-Old", "2"), ("X-Absent", "3")]), [], {"X-Old": "2"}),
            (Rules(replace=[("Host", "other.example")]), [], {"Host": "other.example"}),
            (Rules(add=[("X-Old", "2"), ("X-New", "3"), ("Host", "x")]), [], {"X-New": "3"}),
            (Rules(append=[("X-Old", "2"), ("X-New", "3"), ("Host", "x")]), [], {"X-Old": ["1", "2"], "X-New": "3"}),
            (Rules(remove=["X-Old"], add=[("X-Old", "2")]), [], {"X-Old": "2"}),
            (Rules(add=[("X-New", " Bearer sesame \n")]), [], {"X-New": "Bearer sesame"}),
            (Rules(add=[("X-New", "1")], append=[("x-new", "2")]), [], {"X-New": ["1", "2"]}),
            (Rules(replace=[("accept", "*/*")]), [], {}),
        ],
    )
    def test_the_fewest_changes(self, rules, cleared, written):
        changes = change_headers(self.HEADERS, rules)

        assert (changes.cleared, changes.written) == (cleared, written)

    def test_operations_run_in_the_documented_order(self):
        rules = Rules(
            append=[("X-D", "appended")],
            add=[("X-D", "added")],
            replace=[("X-C", "replaced")],
            rename=[("X-B", "X-C")],
            remove=["X-A"],
        )

        changes = change_headers({"x-a": ["1"], "x-b": ["2"]}, rules)

        assert changes.result == {"host": (), "x-c": ["replaced"], "x-d": ["added", "appended"]}

    def test_the_given_headers_stay_as_they_were(self):
        before = {name: list(values) for name, values in self.HEADERS.items()}

        change_headers(self.HEADERS, Rules(remove=["x-old"], append=[("x-many", "3")]))

        assert before == self.HEADERS


class TestParameters:
    @pytest.mark.parametrize(
        ("before", "rules", "after"),
        [
            ("a=1&b=2&a=3", Rules(remove=["a"]), "b=2"),
            ("a=1&b=2&a=3", Rules(rename=[("a", "c")]), "c=1&b=2&c=3"),
            ("a=1&b=2", Rules(rename=[("a", "b")]), "b=1"),
            ("flag&b=2", Rules(rename=[("flag", "on")]), "on&b=2"),
            ("a=1&b=2&a=3", Rules(replace=[("a", "x y"), ("z", "1")]), "a=x%20y&b=2"),
            ("a=1", Rules(add=[("a", "2"), ("b", "1&2=3")]), "a=1&b=1%262%3D3"),
            ("a=1", Rules(append=[("a", "2"), ("b", "3")]), "a=1&a=2&b=3"),
            ("", Rules(add=[("ä", "ö")]), "%C3%A4=%C3%B6"),
            ("a%20b=1&c=%zz&d=%FF", Rules(remove=["a b"]), "c=%zz&d=%FF"),
            ("%FF=1", Rules(replace=[("\udcff", "\udcfe")]), "%FF=%FE"),
            ("a=1&&b=2", Rules(), "a=1&b=2"),
            ("x=1", Rules(remove=["x"], rename=[("y", "x")], add=[("x", "2")], append=[("x", "3")]), "x=2&x=3"),
        ],
    )
    def test_rules(self, before, rules, after):
        assert change_parameters(before, rules) == after


class TestJson:
    @pytest.mark.parametrize(
        ("before", "rules", "after"),
        [
            ({"a": 1, "b": 2}, Rules(remove=["a", "z"]), {"b": 2}),
            ({"a": {"x": 1}}, Rules(rename=[("a", "b"), ("z", "y")]), {"b": {"x": 1}}),
            ({"a": False, "b": None}, Rules(replace=[("a", "1"), ("z", "2")]), {"a": "1", "b": None}),
            ({"a": None}, Rules(add=[("a", "1"), ("b", "2")]), {"a": None, "b": "2"}),
            ({"a": "1", "b": [1], "c": 5}, Rules(append=[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x")]),
             {"a": ["1", "x"], "b": [1, "x"], "c": [5, "x"], "d": ["x"]}),
            ({"a.b": 1}, Rules(remove=["a.b"]), {}),
            ({"ü": 1.5, "n": 12345678901234567890}, Rules(add=[("ä", "ö")]),
             {"ü": 1.5, "n": 12345678901234567890, "ä": "ö"}),
        ],
    )  # fmt: skip
    def test_rules(self, before, rules, after):
        changed = change_json(json.dumps(before).encode(), rules)

        assert changed is not None
        assert json.loads(changed) == after

    def test_an_empty_body_counts_as_an_empty_object(self):
        assert change_json(b"", Rules(add=[("a", "1")])) == b'{"a":"1"}'

    @pytest.mark.parametrize("body", [b"[1]", b"1", b"{", b"\xff", b'{"a": NaN}', b'{"a": 1e999}', b"null"])
    def test_what_is_no_json_object_stays_as_it_is(self, body):
        assert change_json(body, Rules(add=[("b", "1")])) is None

    def test_a_rule_that_does_not_apply_changes_nothing(self):
        rules = Rules(remove=["z"], rename=[("z", "y"), ("a", "a")], replace=[("z", "1")], add=[("a", "1")])

        assert change_json(b'{ "a" : 1 }', rules) is None


FORM = (
    b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\nContent-Type: image/png\r\n\r\n'
    b"\x00\xff\r\n--X\r\n\r\n"
    b"--XX--\r\n"
)
TYPE = "multipart/form-data; boundary=XX"


class TestMultipart:
    def test_removing_takes_the_whole_part(self):
        changed = change_multipart(FORM, TYPE, Rules(remove=["file", "absent"]))

        assert changed == b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--XX--\r\n'

    def test_renaming_keeps_file_name_type_and_content(self):
        changed = change_multipart(FORM, TYPE, Rules(rename=[("file", 'new "name"')]))

        assert changed == FORM.replace(b'name="file"', rb'name="new \"name\""')
        assert change_multipart(changed, TYPE, Rules(rename=[('new "name"', "file")])) == FORM

    def test_replacing_writes_a_plain_value(self):
        changed = change_multipart(FORM, TYPE, Rules(replace=[("a", "ö"), ("absent", "1")]))

        assert changed == FORM.replace(b"\r\n\r\n1\r\n", b"\r\n\r\n\xc3\xb6\r\n")

    def test_adding_puts_a_part_at_the_end(self):
        changed = change_multipart(FORM, TYPE, Rules(add=[("a", "2"), ("b", "2")]))

        end = b'--XX\r\nContent-Disposition: form-data; name="b"\r\n\r\n2\r\n--XX--\r\n'
        assert changed == FORM.replace(b"--XX--\r\n", end)

    def test_several_parts_of_one_name_become_one(self):
        part = b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        body = part + part + b"--XX--\r\n"

        assert change_multipart(body, TYPE, Rules(replace=[("a", "1")])) == part + b"--XX--\r\n"
        other = part.replace(b'"a"', b'"b"')
        assert change_multipart(other + body, TYPE, Rules(rename=[("b", "a")])) == part + b"--XX--\r\n"

    def test_an_empty_body_takes_what_is_added(self):
        changed = change_multipart(b"", 'multipart/form-data; boundary="a b"', Rules(add=[("a", "1")]))

        assert changed == b'--a b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--a b--\r\n'

    def test_appending_does_not_apply(self):
        assert change_multipart(FORM, TYPE, Rules(append=[("a", "2")])) is None

    @pytest.mark.parametrize("name", [b"name=a", b'NAME="a"', b'name="a"; x=y'])
    def test_a_name_is_found_however_it_is_written(self, name):
        body = FORM.replace(b'name="a"', name)

        assert change_multipart(body, TYPE, Rules(remove=["a"])) != body
        assert change_multipart(body, TYPE, Rules(remove=["a"])) is not None

    def test_a_part_without_name_stays(self):
        body = b"--XX\r\n\r\nanonymous\r\n" + FORM

        changed = change_multipart(body, TYPE, Rules(remove=["a"]))

        assert changed is not None
        assert changed.startswith(b"--XX\r\n\r\nanonymous\r\n--XX\r\n")

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [(FORM, "multipart/form-data"), (FORM[:-8], TYPE), (b"nonsense", TYPE), (b"--XXnonsense\r\n--XX--", TYPE)],
    )
    def test_what_is_no_multipart_stays_as_it_is(self, body, content_type):
        assert change_multipart(body, content_type, Rules(add=[("b", "2")])) is None


class TestBodies:
    @pytest.mark.parametrize(
        ("content_type", "kind"),
        [
            ("application/json; charset=utf-8", BodyKind.JSON),
            ("Application/JSON", BodyKind.JSON),
            ("multipart/form-data; boundary=x", BodyKind.MULTIPART),
            ("application/x-www-form-urlencoded", BodyKind.FORM),
            ("text/plain", None),
            (None, None),
        ],
    )
    def test_the_content_type_decides(self, content_type, kind):
        assert body_kind(content_type) is kind

    def test_each_kind_is_changed_in_its_own_way(self):
        rules = Rules(add=[("b", "2")])

        assert change_body(b'{"a":1}', "application/json", rules) == b'{"a":1,"b":"2"}'
        assert change_body(b"a=1", "application/x-www-form-urlencoded", rules) == b"a=1&b=2"
        assert change_body(FORM, TYPE, rules) is not None
        assert change_body(b"a", "text/plain", rules) is None

    def test_a_form_that_no_rule_concerns_stays_byte_for_byte(self):
        assert change_body(b"a=\xff", "application/x-www-form-urlencoded", Rules(remove=["z"])) is None


def changed_json(document: object, **rules: object) -> object:
    changed = change_json(json.dumps(document).encode(), Rules(**rules))
    return None if changed is None else json.loads(changed)


CUSTOMERS = {"customers": [{"info": {"phone": 1, "name": "a"}}, {"info": {"phone": 2}}, {"info": None}], "a.b": 1}


class TestPaths:
    """``dots_in_keys`` off; the first example is the one of Kong's documentation."""

    def change(self, document: object = CUSTOMERS, **rules: object) -> object:
        return changed_json(document, dots_in_keys=False, **rules)

    def test_members_of_all_elements_go(self):
        changed = self.change(remove=["customers[*].info.phone"])

        assert changed["customers"] == [{"info": {"name": "a"}}, {"info": {}}, {"info": None}]

    def test_elements_count_from_one_and_may_go_all(self):
        assert self.change({"list": [1, 2, 3]}, remove=["list[2]"]) == {"list": [1, 3]}
        assert self.change({"list": [1, 2, 3]}, remove=["list[*]"]) == {"list": []}
        assert self.change({"list": [[1, 2], [3]]}, replace=[("list[*][1]", "x")]) == {"list": [["x", 2], ["x"]]}

    def test_each_operation_goes_down(self):
        document = {"top": {"old": 1, "list": ["a"]}}

        assert self.change(document, rename=[("top.old", "new")]) == {"top": {"list": ["a"], "new": 1}}
        assert self.change(document, replace=[("top.old", "x")])["top"]["old"] == "x"
        assert self.change(document, add=[("top.new", "x"), ("other.deep.er", "y"), ("top.old", "z")]) == {
            "top": {"old": 1, "list": ["a"], "new": "x"},
            "other": {"deep": {"er": "y"}},
        }
        assert self.change(document, append=[("top.list", "b"), ("top.more", "c")])["top"] == {
            "old": 1,
            "list": ["a", "b"],
            "more": ["c"],
        }

    @pytest.mark.parametrize(
        "rules",
        [
            {"remove": ["customers.info", "customers[9]", "customers[1].phone", "a.b", "x[*].y"]},
            {"replace": [("customers[9].info", "x"), ("nobody.info", "x")]},
            {"rename": [("customers[1]", "x"), ("customers[*].x", "y")]},
            {"add": [("customers[9]", "x"), ("list[1].x", "y")]},
        ],
    )
    def test_paths_that_lead_nowhere_change_nothing(self, rules):
        assert self.change(**rules) is None

    def test_a_text_that_is_no_path_is_a_name(self):
        assert self.change({"a[": 1, "b": 2}, remove=["a["]) == {"b": 2}

    def test_dots_are_part_of_names_by_default(self):
        assert changed_json(CUSTOMERS, remove=["a.b"]) == {"customers": CUSTOMERS["customers"]}


class TestAllowAndTypes:
    def test_only_what_is_allowed_stays_and_what_is_added_stays_too(self):
        assert changed_json({"a": 1, "b": 2, "c": 3}, allow=["a", "c"], remove=["c"], add=[("d", "x")]) == {
            "a": 1,
            "d": "x",
        }
        assert change_parameters("a=1&b=2&a=3", Rules(allow=["a"])) == "a=1&a=3"
        assert changed_json({"a": 1}, allow=["a", "b"]) is None

    def test_values_have_the_types_that_the_config_says(self):
        types = {"add": ["number", "boolean", "string"], "append": ["number"]}
        add = [("n", "1"), ("b", "TRUE"), ("s", "1"), ("untyped", "1")]

        assert changed_json({}, add=add, append=[("list", "1.5")], json_types=types) == {
            "n": 1,
            "b": True,
            "s": "1",
            "untyped": "1",
            "list": [1.5],
        }

    @pytest.mark.parametrize(
        ("kind", "value"), [("number", "sesame"), ("number", "true"), ("number", "NaN"), ("boolean", "1")]
    )
    def test_a_value_of_another_type_is_an_error_that_does_not_show_it(self, kind, value):
        with pytest.raises(ConfigError, match=f"^replace.body: item 2 is no {kind}") as raised:
            changed_json({"b": 1}, replace=[("a", "1"), ("b", value)], json_types={"replace": ["string", kind]})

        assert value not in str(raised.value)
