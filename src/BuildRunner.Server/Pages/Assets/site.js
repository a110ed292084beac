// @ts-check
/** What every page does: theme, keys and their help. */

/** @type {Map<string, { what: string, act: (e: KeyboardEvent) => void }>} */
const keys = new Map();
const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));

/** Gives a key a meaning on this page. @param {string} key @param {string} what @param {(e: KeyboardEvent) => void} act */
export function onKey(key, what, act) {
  keys.set(key, { what, act });
}

function showKeys() {
  const list = document.createElement("dl");
  for (const [key, { what }] of keys) {
    const name = document.createElement("dt");
    const text = document.createElement("dd");
    name.textContent = key;
    text.textContent = what;
    list.append(name, text);
  }
  const heading = document.createElement("h2");
  heading.textContent = "Keys";
  const off = document.createElement("button");
  off.textContent = disabled() ? "Switch keys on" : "Switch keys off";
  off.addEventListener("click", () => {
    localStorage.setItem("keys", disabled() ? "on" : "off");
    dialog.close();
  });
  dialog.replaceChildren(heading, list, off);
  dialog.showModal();
}

const disabled = () => localStorage.getItem("keys") === "off";

onKey("?", "these keys", showKeys);
onKey("Escape", "close", () => dialog.close());

let previous = "";
document.addEventListener("keydown", e => {
  const target = /** @type {HTMLElement} */ (e.target);
  if (e.ctrlKey || e.metaKey || e.altKey || target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
  if (disabled() && e.key !== "?") return;
  const two = previous + " " + e.key;
  const found = keys.get(two) ?? keys.get(e.key);
  previous = e.key;
  if (found && !(dialog.open && e.key !== "Escape")) {
    if (e.key !== "Escape") e.preventDefault();
    previous = keys.has(two) ? "" : e.key;
    found.act(e);
  }
});

const button = /** @type {HTMLButtonElement} */ (document.getElementById("theme"));
const themes = ["system", "dark", "light"];
const theme = () => localStorage.getItem("theme") ?? "system";
function showTheme() {
  button.textContent = "Theme: " + theme();
  if (theme() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}
button.hidden = false;
button.addEventListener("click", () => {
  localStorage.setItem("theme", themes[(themes.indexOf(theme()) + 1) % themes.length]);
  showTheme();
});
showTheme();
