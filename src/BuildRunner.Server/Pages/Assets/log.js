// @ts-check
/** The log of a step: blocks of lines that the browser lays out only when they are seen, one element a line. Find, selection and copy stay the browser's own. */
import { parse, render } from "./ansi.js";

const LINES_OF_A_BLOCK = 500;
const NEAR_THE_END = 40;

export class Log {
  /** @param {HTMLElement} box @param {HTMLElement} follow the button */
  constructor(box, follow) {
    this.box = box;
    this.follow = follow;
    this.begin = Number(box.dataset.begin) || 0;
    /** Whether new lines are shown as they come: only while the reader is at the end. */
    this.following = false;
    this.fresh = true;
    this.count = 0;
    /** @type {HTMLElement | null} */
    this.block = null;
    /** How far down the page was when it was last looked at: only a reader moves it up. */
    this.down = 0;
    this.moved = false;
    this.times = localStorage.getItem("times") ?? "off";
    this.box.classList.toggle("wrap", localStorage.getItem("wrap") === "on");
    this.box.classList.toggle("times", this.times !== "off");
    addEventListener("scroll", () => this.#scrolled(), { passive: true });
    for (const away of ["wheel", "touchmove", "keydown"]) addEventListener(away, () => { this.sought = false; this.moved = true; }, { passive: true });
    // Blocks get their true heights only when the browser lays them out, which is after they were added, and may be long after.
    new ResizeObserver(() => { if (this.following) this.#toEnd(); }).observe(box);
    follow.addEventListener("click", () => this.end());
    box.addEventListener("click", e => this.#clicked(e));
    addEventListener("hashchange", () => this.mark(true));
    /** Whether the line that the address names has still to be shown: it may not have come yet. */
    this.sought = true;
    // What the server rendered has no times and no colours; it stays until the first lines have come.
    this.mark(true);
  }

  /** Begins anew: another attempt, or the whole log in place of what the server rendered. */
  clear() {
    this.fresh = true;
    this.count = 0;
    this.block = null;
  }

  /** Adds lines. @param {[number, number, string, string][]} lines */
  add(lines) {
    const atEnd = this.following;
    const first = this.fresh;
    /** @type {DocumentFragment} */
    const made = document.createDocumentFragment();
    for (const [n, at, stream, text] of lines) {
      if (!this.block || this.count % LINES_OF_A_BLOCK === 0) {
        this.block = document.createElement("div");
        this.block.className = "block";
        made.append(this.block);
      }
      this.block.append(this.#line(n, at, stream, text));
      this.count++;
    }
    if (first) {
      this.fresh = false;
      this.box.replaceChildren(made);
      this.mark(location.hash !== "" && !this.moved);
    } else {
      this.box.append(made);
      this.mark(false);
    }
    if (atEnd) this.#toEnd();
    else this.#offer();
  }

  /** @param {number} n @param {number} at @param {string} stream @param {string} text */
  #line(n, at, stream, text) {
    const line = document.createElement("div");
    line.className = "l";
    line.id = "L" + n;
    line.dataset.n = String(n);
    line.dataset.at = String(at);
    if (stream !== "out") line.dataset.s = stream;
    if (this.times !== "off") line.dataset.t = this.#time(at);
    render(line, parse(text));
    return line;
  }

  /** @param {number} at */
  #time(at) {
    if (this.times === "clock") return new Date(at).toISOString().slice(11, 23);
    const ms = Math.max(0, at - this.begin);
    return `${String(Math.floor(ms / 60000)).padStart(2, "0")}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
  }

  /** Times: off, since the step began, clock. */
  cycleTimes() {
    this.times = this.times === "off" ? "elapsed" : this.times === "elapsed" ? "clock" : "off";
    localStorage.setItem("times", this.times);
    this.box.classList.toggle("times", this.times !== "off");
    for (const line of /** @type {NodeListOf<HTMLElement>} */ (this.box.querySelectorAll(".l[data-at]"))) line.dataset.t = this.times === "off" ? "" : this.#time(Number(line.dataset.at));
    return this.times;
  }

  /** Long lines: cut or wrapped. */
  toggleWrap() {
    const on = this.box.classList.toggle("wrap");
    localStorage.setItem("wrap", on ? "on" : "off");
    return on;
  }

  /** Goes to the next line that has a text, from the one found last. @param {string} text @param {number} by 1 or -1 @returns {string} which of how many */
  find(text, by) {
    const wanted = text.toLowerCase();
    const found = wanted ? [...this.box.querySelectorAll(".l")].filter(line => line.textContent?.toLowerCase().includes(wanted)) : [];
    const [here] = range();
    if (!found.length) return wanted ? "none" : "";
    const numbers = found.map(line => Number(/** @type {HTMLElement} */ (line).dataset.n));
    let at = by > 0 ? numbers.findIndex(n => n > here) : numbers.findLastIndex(n => here === 0 || n < here);
    if (at < 0) at = by > 0 ? 0 : numbers.length - 1;
    history.replaceState(null, "", "#L" + numbers[at]);
    this.mark(true);
    return `${at + 1} of ${numbers.length}`;
  }

  top() {
    this.following = false;
    this.box.scrollIntoView({ block: "start" });
    this.#offer();
  }

  end() {
    this.following = true;
    this.#toEnd();
    this.#offer();
  }

  #toEnd() {
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    this.down = document.documentElement.scrollTop;
  }

  // Following ends when a reader leaves the end, and begins again where the end is seen. That the end moved away from the reader, because
  // lines came or blocks grew, is no such leave; new output never moves a reader who is elsewhere.
  #scrolled() {
    const page = document.documentElement;
    const atEnd = page.scrollHeight - page.clientHeight - page.scrollTop < NEAR_THE_END;
    if (atEnd) this.following = true;
    else if (page.scrollTop < this.down) this.following = false;
    this.down = page.scrollTop;
    this.#offer();
  }

  #offer() {
    this.follow.hidden = this.following || !this.live;
  }

  /** Whether more may come. */
  live = true;

  over() {
    this.live = false;
    this.#offer();
  }

  // Its number stands in the gutter before the line.
  /** @param {MouseEvent} e */
  #clicked(e) {
    const line = /** @type {HTMLElement} */ (e.target).closest?.(".l");
    if (!(line instanceof HTMLElement) || e.clientX - line.getBoundingClientRect().left > parseFloat(getComputedStyle(line).paddingLeft) - 4) return;
    const n = Number(line.dataset.n);
    const [from] = range();
    const hash = e.shiftKey && from ? `#L${Math.min(from, n)}-L${Math.max(from, n)}` : `#L${n}`;
    history.replaceState(null, "", hash);
    this.mark(false);
  }

  /** Marks the lines that the address names. @param {boolean} go whether to show them */
  mark(go) {
    const [from, to] = range();
    const now = this.box.querySelectorAll(".l.on");
    if (!from && !now.length) return;
    for (const line of now) if (!inside(line, from, to)) line.classList.remove("on");
    if (!from) return;
    for (let n = from; n <= Math.min(to, from + 5000); n++) document.getElementById("L" + n)?.classList.add("on");
    const first = document.getElementById("L" + from);
    if (go) this.sought = true;
    if (this.sought && first) {
      this.sought = false;
      this.following = false;
      first.scrollIntoView({ block: "center" });
      requestAnimationFrame(() => first.scrollIntoView({ block: "center" }));
    }
  }
}

/** @param {Element} line @param {number} from @param {number} to */
const inside = (line, from, to) => {
  const n = Number(/** @type {HTMLElement} */ (line).dataset.n);
  return n >= from && n <= to;
};

/** The lines that the address names: #L10 or #L10-L20. @returns {[number, number]} */
function range() {
  const match = /^#L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(location.hash);
  return match ? [Number(match[1]), Number(match[2] ?? match[1])] : [0, 0];
}
