"use strict";

// Elements, sizes as text, and the tip: what the other scripts draw with. A text from the data only
// ever becomes a text node, so that no name is markup.

const DATA = JSON.parse(document.getElementById("data").textContent);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// As budget/units.py: three significant digits, memory in powers of 1024, counts in powers of 1000.
const PREFIXES = ["", "K", "M", "G", "T", "P", "E"];

function show(value, unit) {
  const size = Math.abs(value);
  const bytes = unit === "bytes";
  const base = bytes ? 1024 : 1000;
  let power = 0;
  while (power < PREFIXES.length - 1 && size >= base ** (power + 1)) power += 1;
  if (power && power < PREFIXES.length - 1 && Math.round(size / base ** power) >= base) power += 1;
  const divisor = base ** power;
  let decimals = divisor === 1 ? 0 : 2;
  while (decimals && Math.round((size * 10 ** decimals) / divisor) >= 1000) decimals -= 1;
  const digits = Math.round((size * 10 ** decimals) / divisor);
  let text = (digits / 10 ** decimals).toFixed(decimals);
  if (decimals && (size * 10 ** decimals) % divisor === 0) text = text.replace(/\.?0+$/, "");
  const prefix = PREFIXES[power] + (bytes && power ? "i" : "");
  const word = bytes ? "B" : unit;
  return `${value < 0 ? "-" : ""}${text}${word ? ` ${prefix}${word}` : prefix}`;
}

function shown(value, metric) {
  return show(value, DATA.units[metric] ?? "");
}

function signed(value, metric) {
  return `${value > 0 ? "+" : ""}${shown(value, metric)}`;
}

function percent(part, whole) {
  if (!whole) return "";
  const share = (100 * part) / whole;
  return share && share < 0.05 ? "<0.1 %" : `${share.toFixed(1)} %`;
}

const grouped = (value) => value.toLocaleString("en-US");

// A label with a choice in it; `options` are values or pairs of value and text.
function choice(label, options, chosen, onchoose) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const id = `choice-${(choices += 1)}`;
  const select = el("select", { id, onchange: () => onchoose(select.value) },
    pairs.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
  return el("span", { class: "choice" }, el("label", { for: id }, label), " ", select);
}
let choices = 0;

// One tip for all drawings, beside the pointer or below what has the focus.
const tip = {
  node: document.getElementById("tip"),
  show(x, y, lines) {
    this.node.replaceChildren(...lines.filter(Boolean).map((line, at) => el(at ? "span" : "b", {}, line)));
    this.node.hidden = false;
    const { offsetWidth, offsetHeight } = this.node;
    const left = Math.min(x + 14, document.documentElement.clientWidth - offsetWidth - 8);
    const below = y + 18;
    const top = below + offsetHeight > innerHeight ? y - offsetHeight - 12 : below;
    this.node.style.left = `${Math.max(left, 8)}px`;
    this.node.style.top = `${Math.max(top, 8)}px`;
  },
  hide() {
    this.node.hidden = true;
  },
};
addEventListener("scroll", () => {
  tip.hide();
  // What has the focus has moved, maybe by being given it: it tells again where it is now.
  if (document.activeElement?.matches(":focus-visible")) document.activeElement.dispatchEvent(new FocusEvent("focus"));
}, { passive: true });

// Draws now and whenever the width changes, for as long as the place is on the page.
function drawn(place, draw) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (!place.isConnected) observer.disconnect();
    else if (place.clientWidth && place.clientWidth !== width) draw((width = place.clientWidth));
  });
  observer.observe(place);
  return place;
}

{
  const THEMES = { "": "Auto", light: "Light", dark: "Dark" };
  const root = document.documentElement;
  const button = el("button", { type: "button", onclick: () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme ?? "") + 1) % names.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    say();
  } });
  const say = () => { button.textContent = `Theme: ${THEMES[root.dataset.theme ?? ""]}`; };
  say();
  document.getElementById("theme").append(button);
}
