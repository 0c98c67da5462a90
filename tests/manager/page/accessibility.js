// Returns what keeps people from using the present page: one sentence each.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const told = (element) => element.outerHTML.slice(0, 120);
  const fault = (text, element) => faults.push(element ? `${text}: ${told(element)}` : text);

  if (!document.documentElement.lang) fault("no language");
  if (!document.title) fault("no title");
  if (document.body.querySelector("a").getAttribute("href") !== "#main") fault("no skip link at the start");
  for (const [selector, count] of [["main", 1], ["body > header", 1], ["body > footer", 1], ["h1", 1]])
    if (all(selector).length !== count) fault(`${all(selector).length} of ${selector}`);
  const names = all("nav").map((nav) => nav.getAttribute("aria-label"));
  if (names.includes(null) || new Set(names).size !== names.length) fault(`navigations named ${names}`);

  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) fault("a level of headings is left out", heading);
    level = next;
  }

  const ids = all("[id]").map((element) => element.id);
  for (const id of ids.filter((id, place) => ids.indexOf(id) !== place)) fault(`id ${id} twice`);
  for (const name of ["aria-describedby", "aria-labelledby", "for", "list"])
    for (const element of all(`[${name}]`))
      for (const id of element.getAttribute(name).split(/\s+/).filter(Boolean))
        if (!ids.includes(id)) fault(`${name} leads nowhere`, element);

  for (const input of all("input:not([type=hidden]), select, textarea")) {
    const label = [...input.labels].map((found) => found.textContent.trim()).join("");
    if (!label && !input.getAttribute("aria-label")) fault("a field without a label", input);
    if (input.hasAttribute("aria-invalid") && !input.getAttribute("aria-describedby")?.includes("problem-"))
      fault("a wrong field that doesn't tell why", input);
  }
  for (const element of all("a, button, summary"))
    if (!element.textContent.trim() && !element.getAttribute("aria-label")) fault("no name", element);
  const links = new Map();
  for (const button of all("main button[aria-label], main summary[aria-label]")) {
    const name = button.getAttribute("aria-label");
    if (links.has(name)) fault(`two are called ${name}`, button);
    links.set(name, button);
  }
  for (const table of all("table")) {
    if (!table.caption) fault("a table without a caption", table);
    for (const head of table.querySelectorAll("th")) if (!head.scope) fault("a head without a scope", head);
  }
  for (const element of all("[tabindex]")) if (element.tabIndex > 0) fault("an order of its own", element);
  for (const element of all("[style], [onclick], style, script:not([src])")) fault("inline style or script", element);

  const number = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.03928 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = number(getComputedStyle(at).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const contrast = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const fields = "input:not([type=hidden], [type=checkbox]), select, textarea";
  for (const element of all("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!(text || element.matches(fields)) || !shown(element) || element.matches(".unseen, .skip, option")) continue;
    const style = getComputedStyle(element);
    const [r, g, b] = number(style.color);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const found = contrast([r, g, b], ground(element));
    if (found < wanted) fault(`contrast ${found.toFixed(2)}`, element);
    if (element.matches(fields)) {
      const edge = contrast(number(style.borderTopColor).slice(0, 3), ground(element.parentElement));
      if (edge < 3) fault(`contrast of the edge ${edge.toFixed(2)}`, element);
    }
  }
  return faults;
}
