"""Who can't see, has no mouse, or needs contrast can use every screen: a check of our own over the DOM, and keys."""

from pathlib import Path

import pytest

from tests.manager.page.screens import screens

pytestmark = pytest.mark.real("chromium")
CHECK = (Path(__file__).parent / "accessibility.js").read_text()


def test_every_screen_has_labels_names_landmarks_headings_and_contrast_in_light_and_dark(visit, server):
    page = visit("root", "")

    for path in [*screens(server), "/ui/nothing-here"]:
        page.goto(path)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(CHECK) == [], f"{path}, {scheme}"


def test_so_do_forms_that_tell_errors_and_open_menus(visit, server):
    server.vault("menu-env")
    page = visit("edith", "/groups/prod/vaults/new?strategy=hcv")
    page.get_by_role("button", name="Add the vault").evaluate("button => button.form.noValidate = true")
    page.get_by_role("button", name="Add the vault").click()
    assert page.get_by_role("alert").count() == 1
    assert page.evaluate(CHECK) == []

    page.goto("/ui/groups/prod/vaults?prefix=menu-env")
    page.get_by_label("Actions for menu-env").click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CHECK) == []
    assert visit(None, "/sign-in").evaluate(CHECK) == []


def test_the_check_finds_faults(visit):
    page = visit(None, "/sign-in")
    page.evaluate("""() => {
        document.querySelector("label").remove();
        document.querySelector("h1").outerHTML = "<h3>Sign in</h3>";
        document.querySelector("main > p").style.color = "#999";
    }""")

    told = "\n".join(page.evaluate(CHECK))

    for text in ("a field without a label", "0 of h1", "a level of headings", "contrast 2.8", "inline style"):
        assert text in told


def test_the_keyboard_alone_reaches_and_shows_everything(visit, server):
    server.vault("keys-env")
    page = visit("edith", "/groups/prod/vaults?prefix=keys-env")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.get_by_text("Skip to the content").bounding_box()["width"] > 50, "it is seen once it is reached"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    reached = []
    while "Actions for keys-env" not in reached and len(reached) < 20:
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "(e => [e.ariaLabel || e.name || e.textContent, getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        assert outline == "solid", f"the focus on {name} is not seen"
        reached.append(name)
    assert reached[:4] == ["Add a vault", "prefix", "tag", "Search"]
    page.keyboard.press("Enter")
    assert page.get_by_role("link", name="Edit").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Edit").is_visible()
    assert page.evaluate("document.activeElement.ariaLabel") == "Actions for keys-env"
