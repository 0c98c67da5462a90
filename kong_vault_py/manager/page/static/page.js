// Comforts only: every screen works without this file.
"use strict";

const said = document.getElementById("said");

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("not copied");
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copyText(button.dataset.copy);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "The browser did not let us copy.";
    }
    const menu = button.closest("details.menu");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (open) { open.open = false; open.querySelector("summary").focus(); }
});

document.querySelector("[data-focus]")?.focus();
