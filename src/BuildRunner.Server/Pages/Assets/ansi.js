// @ts-check
/** A line of a terminal as text and class names. Whatever is in it, the result is text nodes and spans: never markup. */

/** @typedef {{ text: string, classes: string[], href?: string }} Run */

const sequence = /\x1b(?:\[([0-9;:?<=>!]*)[ -/]*([@-~])|\]([^\x07\x1b]*)(?:\x07|\x1b\\|$)|[PX^_][^\x1b]*(?:\x1b\\|$)|[ -/]*[0-~]|$)/y;

/** What a carriage return leaves visible: each part is written over the one before it. @param {string} text */
export function overwritten(text) {
  while (text.endsWith("\r")) text = text.slice(0, -1);
  const at = text.lastIndexOf("\r");
  return at < 0 ? text : text.slice(at + 1);
}

/**
 * Cuts a line into runs of equal style.
 * @param {string} line without its end
 * @returns {Run[]}
 */
export function parse(line) {
  line = overwritten(line);
  if (!/[\x00-\x08\x0b-\x1f\x7f]/.test(line)) return line ? [{ text: line, classes: [] }] : [];
  /** @type {Run[]} */
  const runs = [];
  /** @type {{ fg?: string, bg?: string, on: Set<string>, inverse: boolean }} */
  let style = { on: new Set(), inverse: false };
  /** @type {string | undefined} */
  let href;
  let text = "";
  const flush = () => {
    if (text) runs.push({ text, classes: classes(style), href });
    text = "";
  };
  for (let at = 0; at < line.length;) {
    const c = line[at];
    if (c === "\x1b") {
      sequence.lastIndex = at;
      const match = sequence.exec(line);
      if (!match) { at++; continue; }
      at = sequence.lastIndex;
      if (match[2] === "m") {
        flush();
        style = paint(style, match[1]);
      } else if (match[3] !== undefined && match[3].startsWith("8;")) {
        flush();
        href = link(match[3]);
      } else if (match[2] === "K" && (match[1] === "2" || match[1] === "1")) {
        text = "";
        runs.length = 0;
      }
    } else {
      if (c === "\b") text = text.slice(0, -1);
      else if (c >= " " && c !== "\x7f" || c === "\t") text += c;
      at++;
    }
  }
  flush();
  return runs;
}

/** @param {{ fg?: string, bg?: string, on: Set<string>, inverse: boolean }} style */
function classes(style) {
  const all = [...style.on];
  const fg = style.inverse ? style.bg : style.fg;
  const bg = style.inverse ? style.fg ?? "7" : style.bg;
  if (fg) all.push("f" + fg);
  if (bg) all.push("b" + bg);
  return all;
}

/** Applies one SGR sequence. @param {{ fg?: string, bg?: string, on: Set<string>, inverse: boolean }} before @param {string} parameters */
function paint(before, parameters) {
  let style = { ...before, on: new Set(before.on) };
  const codes = parameters.split(/[;:]/).map(p => p === "" ? 0 : Number(p));
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === 0) style = { on: new Set(), inverse: false };
    else if (code === 1 || code === 2 || code === 3 || code === 4 || code === 9) style.on.add("a" + code);
    else if (code === 22) { style.on.delete("a1"); style.on.delete("a2"); }
    else if (code === 23 || code === 24 || code === 29) style.on.delete("a" + (code - 20));
    else if (code === 7) style.inverse = true;
    else if (code === 27) style.inverse = false;
    else if (code >= 30 && code <= 37) style.fg = String(code - 30);
    else if (code >= 90 && code <= 97) style.fg = String(code - 90);
    else if (code >= 40 && code <= 47) style.bg = String(code - 40);
    else if (code >= 100 && code <= 107) style.bg = String(code - 100);
    else if (code === 39) style.fg = undefined;
    else if (code === 49) style.bg = undefined;
    else if (code === 38 || code === 48) {
      const rgb = codes[at + 1] === 2 ? codes.slice(at + 2, at + 5) : codes[at + 1] === 5 ? palette(codes[at + 2] ?? 0) : [];
      at += codes[at + 1] === 2 ? 4 : 2;
      if (rgb.length === 3) style[code === 38 ? "fg" : "bg"] = nearest(rgb);
    }
  }
  return style;
}

/** A colour of the palette of 256. @param {number} n */
function palette(n) {
  if (n < 16) return [[0, 0, 0], [200, 0, 0], [0, 180, 0], [190, 140, 0], [0, 80, 220], [160, 0, 200], [0, 160, 180], [200, 200, 200]][n % 8];
  if (n >= 232) return Array(3).fill(8 + (n - 232) * 10);
  const c = n - 16;
  return [Math.floor(c / 36), Math.floor(c / 6) % 6, c % 6].map(v => v ? 55 + v * 40 : 0);
}

/** The one of the eight colours of the page that comes nearest: those are readable on every background. @param {number[]} rgb */
function nearest(rgb) {
  const [r, g, b] = rgb;
  const most = Math.max(r, g, b), least = Math.min(r, g, b);
  if (most - least < 40) return most > 140 ? "7" : "0";
  const half = (most + least) / 2;
  return String((r > half ? 1 : 0) + (g > half ? 2 : 0) + (b > half ? 4 : 0));
}

/** The address of an OSC 8 link; only the web. @param {string} osc @returns {string | undefined} */
function link(osc) {
  const url = osc.slice(osc.indexOf(";", 2) + 1);
  return /^https?:\/\/[^\s]+$/.test(url) ? url : undefined;
}

/** Puts runs into an element. @param {Element} element @param {Run[]} runs */
export function render(element, runs) {
  for (const { text, classes, href } of runs) {
    if (!classes.length && !href) {
      element.append(text);
      continue;
    }
    const part = document.createElement(href ? "a" : "span");
    if (href) {
      /** @type {HTMLAnchorElement} */ (part).href = href;
      /** @type {HTMLAnchorElement} */ (part).rel = "noopener noreferrer nofollow";
    }
    part.className = classes.join(" ");
    part.textContent = text;
    element.append(part);
  }
}
