// @ts-check
/** A run's page while it goes on: one stream of events, closed while nobody looks. */
import { onKey } from "./site.js";
import { Log } from "./log.js";

const ended = new Set(["success", "failure", "timed_out", "cancelled", "skipped", "error", "lost", "invalid"]);
const icons = { success: "success", skipped: "success", running: "running", preparing: "running", queued: "running", waiting: "running", blocked: "blocked", cancelled: "cancelled", error: "error", lost: "error" };
const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const box = document.getElementById("log");
const log = box ? new Log(box, $("follow")) : null;
const head = $("head");
const openAtFirst = !ended.has(head.dataset.state ?? "");

/** @type {EventSource | null} */
let stream = null;
let offset = "0";
let tries = 0;
let done = false;

function connect() {
  if (stream || done || document.hidden) return;
  const url = box?.dataset.live ?? location.pathname.replace(/\/steps\/.*$/, "") + "/live";
  stream = new EventSource(url + (url.includes("?") ? "&" : "?") + "offset=" + offset);
  stream.addEventListener("run", e => show(JSON.parse(e.data)));
  stream.addEventListener("lines", e => {
    offset = /** @type {MessageEvent} */ (e).lastEventId || offset;
    log?.add(JSON.parse(/** @type {MessageEvent} */ (e).data));
  });
  stream.addEventListener("logend", e => {
    const missing = JSON.parse(/** @type {MessageEvent} */ (e).data).missing;
    $("logend").textContent = missing ?? (log?.count ? "" : "it wrote nothing");
    log?.over();
  });
  stream.addEventListener("end", () => {
    done = true;
    close();
  });
  // The browser would resume by itself, but with the first address; ours says where we are.
  stream.addEventListener("error", () => {
    close();
    setTimeout(connect, Math.min(15000, 500 * 2 ** tries++));
  });
  stream.addEventListener("open", () => { tries = 0; });
}

function close() {
  stream?.close();
  stream = null;
}

document.addEventListener("visibilitychange", () => document.hidden ? close() : connect());
addEventListener("pagehide", close);
addEventListener("pageshow", connect);

/** @param {any} details */
function show(details) {
  const state = details.run.state;
  const changed = head.dataset.state !== state;
  head.dataset.state = state;
  put(head.querySelector("h1 .state"), state);
  document.title = document.title.replace(/^[^·]*·/, state.replace("_", " ") + " ·");
  const icon = /** @type {HTMLLinkElement} */ (document.getElementById("icon"));
  icon.href = icon.href.replace(/icon-[a-z]+\.svg/, `icon-${icons[/** @type {keyof typeof icons} */ (state)] ?? "failure"}.svg`);
  times($("took"), details.run.startedAt, details.run.endedAt);
  for (const workflow of details.workflows) {
    const section = [...document.querySelectorAll("#steps section")].find(s => /** @type {HTMLElement} */ (s).dataset.workflow === workflow.name);
    if (!section) continue;
    set(section.querySelector("h2 .state"), workflow.state);
    say(section.querySelector(".wreason"), workflow.reason ?? (workflow.agent ? "on " + workflow.agent : ""));
    for (const step of [...workflow.services, ...workflow.steps]) showStep(section, workflow.name, step);
  }
  sentence(details);
  // What was said about the files may be taken back, as when a secret that was missing is there.
  const said = details.diagnostics.map((/** @type {any} */ d) => `${d.code}@${d.file}:${d.line}`).join(" ");
  if (changed || said !== $("problems").dataset.of) refresh();
}

/** @param {Element} section @param {string} workflow @param {any} step */
function showStep(section, workflow, step) {
  const row = [...section.querySelectorAll("li")].find(li => li.dataset.step === step.name);
  if (!row) return;
  const last = step.attempts.at(-1);
  const mark = /** @type {HTMLElement} */ (row.querySelector(".state"));
  set(mark, step.state);
  say(mark.querySelector(".sr"), " " + step.state.replace("_", " "));
  const broken = ["failure", "timed_out", "error", "lost"].includes(step.conclusion);
  if (broken) mark.dataset.broken = "true";
  times(row.querySelector(".took"), last?.startedAt, last?.endedAt);
  say(row.querySelector(".reason"), step.reason ?? "");
  if (box?.dataset.workflow !== workflow || box?.dataset.step !== step.name) return;
  put($("stepstate"), step.state);
  say($("stepreason"), step.reason ?? step.warning ?? "");
  if (last?.startedAt && log && !log.begin) log.begin = Date.parse(last.startedAt);
  const attempt = String(step.attempts.length);
  // Another attempt has a log of its own.
  if (box.dataset.attempt && box.dataset.attempt !== attempt && step.attempts.length > 1) {
    offset = "0";
    log?.clear();
    if (log) log.live = true;
    close();
    connect();
  }
  box.dataset.attempt = attempt;
}

/** @param {any} details */
function sentence(details) {
  if (details.run.state !== "running") return;
  const steps = details.workflows.flatMap((/** @type {any} */ w) => w.steps);
  const count = (/** @type {string[]} */ states) => steps.filter((/** @type {any} */ s) => states.includes(s.state)).length;
  say($("sentence"), `${count(["running"])} running, ${count(["queued", "waiting"])} waiting`);
}

// The server knows best what may be done now, and what tells why it failed: those parts come from its own page.
async function refresh() {
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["sentence", "actions", "problems", "failures", "phases"]) {
    const fresh = page.getElementById(id), old = document.getElementById(id);
    if (fresh && old) old.replaceWith(document.importNode(fresh, true));
  }
}

/** @param {Element | null} element @param {string} state */
function set(element, state) {
  if (element instanceof HTMLElement) element.dataset.state = state;
}

/** @param {Element | null} element @param {string} state */
function put(element, state) {
  set(element, state);
  say(element, state.replace("_", " "));
}

/** @param {Element | null} element @param {string} text */
function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {Element | null} element @param {string | undefined} from @param {string | undefined} to */
function times(element, from, to) {
  if (!(element instanceof HTMLElement)) return;
  element.dataset.from = from ? String(Date.parse(from)) : "";
  element.dataset.to = to ? String(Date.parse(to)) : "";
  tick(element);
}

/** Durations as the server writes them. @param {HTMLElement} element */
function tick(element) {
  const from = Number(element.dataset.from);
  if (!from) return;
  const seconds = Math.max(0, ((Number(element.dataset.to) || Date.now()) - from) / 1000);
  const two = (/** @type {number} */ n) => String(Math.floor(n)).padStart(2, "0");
  say(element, seconds < 59.95 ? seconds.toFixed(1) + "s" : seconds < 3600 ? `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s` : `${Math.floor(seconds / 3600)}h ${two(seconds % 3600 / 60)}m`);
}

setInterval(() => {
  if (document.hidden || done) return;
  for (const element of document.querySelectorAll("[data-from]:not([data-from=''])")) if (element instanceof HTMLElement && !element.dataset.to) tick(element);
}, 1000);

const links = () => [...document.querySelectorAll("#steps li a")];
/** @param {number} by @param {boolean} [broken] */
function step(by, broken) {
  const all = links();
  const here = all.findIndex(a => a.getAttribute("aria-current") === "true");
  for (let at = here + by; at >= 0 && at < all.length; at += by) {
    if (!broken || all[at].querySelector("[data-broken]")) {
      location.href = /** @type {HTMLAnchorElement} */ (all[at]).href;
      return;
    }
  }
}

onKey("j", "next step", () => step(1));
onKey("k", "step before", () => step(-1));
onKey("f", "next failure", () => step(1, true));
onKey("F", "failure before", () => step(-1, true));
if (log) {
  onKey("g g", "top of the log", () => log.top());
  onKey("G", "end of the log, and follow it", () => log.end());
  const showTimes = () => { $("times").textContent = "Times: " + log.times; };
  const cycle = () => { log.cycleTimes(); showTimes(); };
  const wrap = () => { $("wrap").setAttribute("aria-pressed", String(log.toggleWrap())); };
  onKey("t", "times: off, since its start, clock", cycle);
  onKey("w", "wrap long lines", wrap);
  const find = /** @type {HTMLInputElement} */ ($("find"));
  onKey("/", "find in the log; Enter next, Shift+Enter before", () => { find.focus(); find.select(); });
  find.hidden = false;
  find.addEventListener("keydown", e => {
    if (e.key === "Enter") say($("found"), log.find(find.value, e.shiftKey ? -1 : 1));
    else if (e.key === "Escape") find.blur();
  });
  $("times").addEventListener("click", cycle);
  $("wrap").addEventListener("click", wrap);
  $("times").hidden = $("wrap").hidden = false;
  $("wrap").setAttribute("aria-pressed", String(localStorage.getItem("wrap") === "on"));
  showTimes();
  // Whoever opens a step that goes on looks at its end, unless the address names a line.
  if (openAtFirst && !location.hash && location.pathname.includes("/steps/")) log.following = true;
}
connect();
