"""What people do with the page, in a real browser."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.manager.page.page_server import PASSWORD, sign_in

pytestmark = pytest.mark.real("chromium")
expect.set_options(timeout=20_000)
VAULTS = "/groups/prod/vaults"


def save(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def test_signing_in_leads_where_one_wanted_to_go_and_signing_out_ends_it(visit, server):
    page = visit(None, VAULTS)
    expect(page).to_have_title("Sign in · kong-vault")

    page.get_by_label("User name").fill("vera")
    page.get_by_label("Password").fill("a wrong password")
    save(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("wrong user name or password")
    expect(page.get_by_label("User name")).to_have_value("vera")
    expect(page.get_by_label("Password")).to_have_value("")

    page.get_by_label("Password").fill(PASSWORD)
    save(page, "Sign in")
    expect(page).to_have_url(f"{server.url}/ui{VAULTS}")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["kong-vault-session"]["httpOnly"]
    assert cookies["kong-vault-session"]["sameSite"] == "Strict"

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status").first).to_have_text("You are signed out.")
    page.goto(f"/ui{VAULTS}")
    expect(page).to_have_title("Sign in · kong-vault")


def test_a_superadmin_chooses_among_groups_and_others_go_to_theirs(visit, server):
    root = visit("root", "")
    expect(root.get_by_role("link", name="other", exact=True)).to_be_visible()
    root.get_by_role("link", name="prod", exact=True).click()
    expect(root.get_by_role("heading", level=1)).to_have_text("Vaults")

    assert visit("edith", "").url == f"{server.url}/ui{VAULTS}"


def test_the_overview_has_the_five_elements_of_the_figure(visit, server):
    vault_id = server.vault("five-elements", tags=["figure"])
    page = visit("edith", f"{VAULTS}?tag=figure")

    expect(page.get_by_role("link", name="Vaults", exact=True)).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("link", name="Add a vault")).to_be_visible()
    row = page.get_by_role("row").nth(1)
    expect(row.get_by_role("rowheader")).to_have_text("five-elements")
    expect(row).to_contain_text(vault_id)
    row.get_by_label("Actions for five-elements").click()
    shown = [entry.inner_text() for entry in row.get_by_role("listitem").all()]
    assert shown == ["View", "Edit", "Copy as JSON", "Show as JSON", "Delete"]


def test_a_vault_is_added_copied_edited_and_deleted(visit, server):
    page = visit("edith", VAULTS)
    page.get_by_role("link", name="Add a vault").click()
    page.get_by_role("link", name="HashiCorp Vault or OpenBao").click()
    page.get_by_role("textbox", name="Prefix", exact=True).fill("story-hcv")
    page.get_by_label("Tags").fill("one, two")
    page.get_by_label("host").fill("vault.internal")
    page.get_by_label("port").fill("8201")
    page.get_by_label("kv", exact=True).select_option("v2")
    page.get_by_label("ssl_verify").uncheck()
    page.get_by_label("token", exact=True).fill("canary-token")
    save(page, "Add the vault")
    expect(page.get_by_role("status").first).to_have_text("It was added.")
    stored = server.api.get("/groups/prod/vaults/story-hcv").json()
    assert (stored["tags"], stored["config"]["port"], stored["config"]["ssl_verify"]) == (["one", "two"], 8201, False)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    save(page, "Copy as JSON")
    expect(page.locator("#said")).to_have_text("Copied.")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["config"] == {name: value for name, value in stored["config"].items() if value is not None}
    assert copied["config"]["token"] == "***"

    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("token", exact=True)).to_have_value("")
    expect(page.get_by_text("Kept: a value is stored.")).to_be_visible()
    page.get_by_label("Description").fill("our vault")
    save(page, "Save")
    expect(page.get_by_role("status").first).to_have_text("The changes are saved.")
    node = server.node("story-node")
    [seen] = [vault for vault in node.get("/dataplane/v1/vaults").json()["vaults"] if vault["prefix"] == "story-hcv"]
    assert seen["config"]["token"] == "canary-token", "left empty, it stays"

    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete the vault story-hcv?")
    save(page, "Delete the vault")
    expect(page.get_by_role("status").first).to_have_text("It was deleted.")
    assert server.api.get("/groups/prod/vaults/story-hcv").status_code == 404


def test_a_form_that_will_not_do_tells_it_beside_the_fields_and_keeps_the_rest(visit):
    page = visit("edith", f"{VAULTS}/new?strategy=hcv")
    page.get_by_role("textbox", name="Prefix", exact=True).fill("No Prefix")
    page.get_by_label("host").fill("not a host")
    page.get_by_label("token", exact=True).fill("canary-in-a-form")
    save(page, "Add the vault")

    expect(page.get_by_role("alert")).to_be_focused()
    host = page.get_by_label("host")
    expect(host).to_have_value("not a host")
    expect(host).to_have_attribute("aria-invalid", "true")
    assert "invalid value" in page.locator("#problem-config\\.host").inner_text()
    expect(page).to_have_title(re.compile("^Error: "))
    assert "canary" not in page.content()
    page.get_by_role("alert").get_by_role("link", name="host").click()
    expect(host).to_be_focused()


def test_a_viewer_sees_everything_and_no_button_that_changes(visit, server):
    vault_id = server.vault("viewed", "hcv", config={"token": "canary-viewed"})
    store_id = server.store("viewed", key="canary-viewed")
    paths = ["/vaults", f"/vaults/{vault_id}", "/references", "/config-stores", f"/config-stores/{store_id}", "/status"]
    page = visit("vera", VAULTS)

    for path in [*paths, "/policies", f"/config-stores/{store_id}/secret?key=key"]:
        page.goto(f"/ui/groups/prod{path}")
        buttons = {button.inner_text() for button in page.get_by_role("button").all()}
        assert buttons <= {"Sign out", "Search", "Build", "Read it", "Copy as JSON", "Copy the ID", "⋯"}, path
        links = {link.inner_text() for link in page.get_by_role("link").all()}
        assert not links & {"Add a vault", "Edit", "Delete", "Delete…", "Node tokens", "Members", "Audit"}, path
        assert "canary" not in page.content(), path


def test_the_reference_builder_escapes_and_explains_and_reads_the_other_way_round(visit, server):
    server.vault("builder-env")
    page = visit("vera", "/groups/prod/references")
    page.get_by_role("combobox", name="Vault", exact=True).fill("builder-env")
    page.get_by_role("textbox", name="Secret", exact=True).fill("team/re dis")
    page.get_by_label("Version").fill("2")
    save(page, "Build")
    built = page.locator("#built").inner_text()
    assert built == "{vault://builder-env/team/re%2520dis/#2}"
    expect(page.get_by_text("without a key")).to_be_visible()

    page.get_by_role("textbox", name="Reference", exact=True).fill(built)
    save(page, "Read it")
    assert page.locator("#parsed dd").all_inner_texts() == ["builder-env", "team/re dis", "none: the whole secret", "2"]

    page.get_by_role("textbox", name="Reference", exact=True).fill("{vault://}")
    save(page, "Read it")
    expect(page.get_by_role("textbox", name="Reference", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_config_stores_value_goes_in_and_never_comes_out(visit, server):
    page = visit("edith", "/groups/prod/config-stores")
    page.get_by_label("Name").fill("Story store")
    save(page, "Add the Config Store")
    page.get_by_label("Key").fill("redis/password")
    page.get_by_label("Value").fill("canary-first")
    save(page, "Store the value")
    page.get_by_role("link", name="redis/password").click()
    page.get_by_label("Value").fill("canary\nin two lines")
    save(page, "Store the value")
    expect(page.get_by_role("row")).to_have_count(3)
    assert "canary" not in page.content()

    store_id = page.get_by_role("link", name="Story store").get_attribute("href").rpartition("/")[2]
    node = server.node("store-node")
    for version, value in ((1, "canary-first"), (2, "canary\nin two lines")):
        path = f"/dataplane/v1/config-stores/{store_id}/secrets/redis/password?version={version}"
        assert node.get(path).json()["value"] == value, "line ends are as a person typed them"

    server.vault("story-store", "konnect", config={"config_store_id": store_id})
    page.get_by_role("link", name="Story store").click()
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("main")).to_contain_text("vault story-store reads its values from it")
    save(page, "Delete the Config Store")
    expect(page.get_by_role("link", name="Story store")).to_have_count(0)


def test_the_audit_shows_what_was_done_and_exports_it(visit, server):
    server.vault("audited")
    page = visit("adam", "/groups/prod/audit")
    page.get_by_role("textbox", name="What", exact=True).fill("vault.")
    page.get_by_label("To what").fill("audited")
    save(page, "Search")
    row = page.get_by_role("row").nth(1)
    for text in ("user:root", "vault.create", "audited", "ok"):
        expect(row).to_contain_text(text)

    with page.expect_download() as download:
        page.get_by_role("link", name="Export these entries").click()
    entries = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert [(entry["action"], entry["target"]) for entry in entries] == [("vault.create", "audited")]


def test_tokens_are_shown_once(visit, server):
    page = visit("adam", "/groups/prod/node-tokens")
    page.get_by_role("textbox", name="Node", exact=True).fill("once-node")
    save(page, "Make a token")
    token = page.locator("#token").inner_text()
    headers = {"Authorization": f"Bearer {token}"}
    assert server.api.get("/dataplane/v1/vaults", headers=headers).status_code == 200

    page.goto("/ui/groups/prod/node-tokens")
    assert token not in page.content()
    page.get_by_label("Delete the token of once-node").click()
    save(page, "Delete the token")
    assert server.api.get("/dataplane/v1/vaults", headers=headers).status_code == 401


def test_a_superadmin_makes_a_user_who_gets_a_role_and_signs_in(visit, server, browser):
    page = visit("root", "/users")
    page.get_by_label("User name").fill("nora")
    page.get_by_label("Password").fill(PASSWORD)
    save(page, "Add the user")
    page.goto("/ui/groups/prod/members")
    page.get_by_role("textbox", name="User", exact=True).fill("nora")
    page.get_by_label("Role", exact=True).select_option("editor")
    save(page, "Give the role")
    expect(page.get_by_role("row", name="nora")).to_contain_text("editor")

    with browser.new_context(base_url=server.url) as context:
        hers = context.new_page()
        sign_in(hers, "nora")
        expect(hers.get_by_role("link", name="Add a vault")).to_be_visible()


def test_everything_but_copying_works_without_a_script(visit, server):
    page = visit("edith", VAULTS, java_script_enabled=False)
    page.get_by_role("link", name="Add a vault").click()
    page.get_by_role("link", name="Environment variables").click()
    page.get_by_role("textbox", name="Prefix", exact=True).fill("scriptless")
    save(page, "Add the vault")
    page.get_by_role("link", name="Vaults", exact=True).click()
    page.get_by_label("Actions for scriptless").click()
    row = page.get_by_role("row", name="scriptless")
    expect(row.get_by_role("button", name="Copy as JSON")).to_have_count(0)
    row.get_by_role("link", name="Show as JSON").click()
    assert json.loads(page.locator("body").inner_text())["prefix"] == "scriptless"
    page.go_back()
    page.get_by_label("Actions for scriptless").click()
    row.get_by_role("link", name="Delete").click()
    save(page, "Delete the vault")
    assert server.api.get("/groups/prod/vaults/scriptless").status_code == 404
