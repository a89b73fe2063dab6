"use strict";

// The modules of a network: a treemap of what they weigh by a metric, and the same as a list to walk
// through with the keyboard.

const ROOT = "(root)";
const ITSELF = "(itself)";
const DEPTHS = [3, 4]; // levels below the module that fills the map: of a narrow one, of a wide one
const WIDE = 700;
const KINDS_SHOWN = 7; // classes with a colour of their own
const HEADER = 18;

// The tree that the arrays of report/page/data.py stand for; what has no parent hangs below a root.
function treeOf(modules) {
  const nodes = modules.names.map((name, place) => ({
    place,
    name,
    path: name,
    cls: DATA.words[modules.classes[place]],
    settings: DATA.words[modules.settings[place]],
    output: DATA.words[modules.outputs[place]],
    calls: modules.calls[place],
    own: Object.fromEntries(Object.entries(modules.own).map(([metric, values]) => [metric, values[place]])),
    children: [],
    parent: null,
  }));
  nodes.forEach((node, place) => {
    node.parent = nodes[modules.parents[place]] ?? null;
    node.parent?.children.push(node);
  });
  const tops = nodes.filter((node) => !node.parent);
  const root = tops.length === 1 ? tops[0]
    : { place: -1, name: "", path: "", cls: "", settings: "", output: "", calls: 1, own: {}, children: tops, parent: null };
  if (root.place < 0) for (const node of tops) node.parent = root;
  const sum = (node) => {
    if (node.parent) node.path = node.parent.path ? `${node.parent.path}.${node.name}` : node.name;
    node.all = { ...node.own };
    for (const child of node.children) {
      sum(child);
      for (const [metric, value] of Object.entries(child.all)) node.all[metric] = (node.all[metric] ?? 0) + value;
    }
  };
  sum(root);
  return root;
}

const titleOf = (node) => node.path || (node.cls ? `(${node.cls})` : ROOT);

// What is drawn of a node: boxes inside boxes; a module alone in another one shares its box.
function boxOf(node, metric, depth, name = node.name) {
  const below = node.children.filter((child) => child.all[metric] > 0);
  const own = node.own[metric] ?? 0;
  if (below.length === 1 && !own && name) return boxOf(below[0], metric, depth, `${name}.${below[0].name}`);
  const box = { node, name, weight: 0 };
  if (!below.length || !depth) return { ...box, weight: node.all[metric] ?? 0 };
  const children = below.map((child) => boxOf(child, metric, depth - 1));
  if (own > 0) children.push({ node, name: ITSELF, weight: own, itself: true });
  return { ...box, children };
}

// The classes that weigh most have a colour each, the others one together.
function classesOf(root, metric) {
  const weights = new Map();
  const walk = (node) => {
    weights.set(node.cls, (weights.get(node.cls) ?? 0) + (node.own[metric] ?? 0));
    node.children.forEach(walk);
  };
  walk(root);
  return [...weights].filter(([, weight]) => weight > 0).sort((a, b) => b[1] - a[1]);
}

// The class by which a box is coloured: of a module with others in it the one that weighs most there.
function kindOf(node, metric, itself) {
  return itself ? node.cls : (classesOf(node, metric)[0]?.[0] ?? node.cls);
}

function modulesView(network, changes) {
  const root = treeOf(network.modules);
  const metrics = Object.keys(network.modules.own);
  const changed = new Map(changes.map((change) => [change.path, change]));
  let metric = metrics.includes("flops") ? "flops" : metrics[0];
  let focus = root;
  let width = 0;
  let order = [];

  const map = el("div", {
    class: "treemap", role: "group",
    "aria-label": "Treemap of the modules: arrows move, Enter opens, Escape goes back; the same is in the list below",
    onkeydown: onkey, onpointerleave: () => tip.hide(),
  });
  const crumbs = el("nav", { class: "crumbs", "aria-label": "Modules around" });
  const legend = el("ul", { class: "legend", "aria-label": "Classes by weight" });
  const list = el("div", { class: "scroll list", role: "region", "aria-label": "Modules", tabindex: "0" });
  let colours = new Map();

  function lines(node, itself) {
    const total = root.all[metric];
    const value = itself ? node.own[metric] : node.all[metric] ?? 0;
    const change = changed.get(node.path);
    return [
      itself ? `${titleOf(node)} ${ITSELF}` : titleOf(node),
      `${node.cls}${node.settings ? `(${node.settings})` : ""}${node.calls === 1 ? "" : ` × ${node.calls}`}`,
      `${metric} ${shown(value, metric)}${total ? ` (${percent(value, total)})` : ""}`,
      !itself && node.children.length && node.own[metric] ? `by itself ${shown(node.own[metric], metric)}` : "",
      ...metrics.filter((each) => each !== metric && node.all[each] && !itself)
        .map((each) => `${each} ${shown(node.all[each], each)}`),
      node.output && `output ${node.output}`,
      change && `${change.how}${change.what ? `: ${change.what}` : ""}`,
    ];
  }

  function open(node, refocus) {
    focus = node;
    tip.hide();
    draw();
    if (refocus) order[0]?.focus({ preventScroll: true });
  }

  function onkey(event) {
    const at = order.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && at >= 0) order[(at + step + order.length) % order.length].focus({ preventScroll: true });
    else if ((event.key === "Escape" || event.key === "Backspace") && focus.parent) open(focus.parent, true);
    else return;
    event.preventDefault();
  }

  function drawMap() {
    if (!width) return;
    const height = Math.round(Math.max(260, Math.min(width * 0.55, 460)));
    map.style.height = `${height}px`;
    const layout = d3.hierarchy(boxOf(focus, metric, DEPTHS[Number(width > WIDE)], "")).sum((box) => box.weight).sort((a, b) => b.value - a.value);
    d3.treemap().size([width, height]).paddingInner(2).paddingOuter((box) => (box.depth ? 3 : 0))
      .paddingTop((box) => (box.depth && box.children ? HEADER : box.depth ? 3 : 0)).round(true)(layout);
    order = [];
    for (const box of layout.descendants()) {
      const [w, h] = [box.x1 - box.x0, box.y1 - box.y0];
      if ((!box.depth && box.children) || w < 4 || h < 4) continue;
      const { node, name, itself } = box.data;
      const tile = el("button", { type: "button", tabindex: "-1" });
      const change = !itself && changed.has(node.path);
      const roomy = w > 34 && h > 15;
      tile.className = `tile ${box.children ? "group" : `kind-${colours.get(kindOf(node, metric, itself)) ?? "rest"}`}${change ? " changed" : ""}`;
      tile.replaceChildren(...(roomy ? [
        el("b", {}, `${change ? "Δ " : ""}${name || titleOf(node)}`),
        el("span", {}, shown(box.value, metric)),
        !box.children && h > 48 && w > 60 ? el("small", {}, node.cls) : "",
      ] : []));
      tile.classList.toggle("stacked", !box.children && h > 34);
      Object.assign(tile.style, { left: `${box.x0}px`, top: `${box.y0}px`, width: `${w}px`, height: `${h}px` });
      tile.setAttribute("aria-label", lines(node, itself).filter(Boolean).join(", "));
      tile.onclick = () => (node.children.length && node !== focus && !itself ? open(node, true) : null);
      tile.onpointermove = (event) => tip.show(event.clientX, event.clientY, lines(node, itself));
      tile.onfocus = () => {
        const at = tile.getBoundingClientRect();
        if (tile.matches(":focus-visible")) tip.show(at.left, at.top + Math.min(at.height, HEADER), lines(node, itself));
        order.forEach((each) => (each.tabIndex = each === tile ? 0 : -1));
      };
      tile.onblur = () => tip.hide();
      order.push(tile);
    }
    // In the order of the layout: a group lies below its modules.
    map.replaceChildren(...order);
    if (order.length) order[0].tabIndex = 0;
    else map.append(el("p", { class: "nothing" }, `nothing of ${metric} below ${titleOf(focus)}`));
  }

  function drawCrumbs() {
    const around = [];
    for (let node = focus; node; node = node.parent) around.unshift(node);
    crumbs.replaceChildren(...around.flatMap((node, at) => [
      at ? el("span", { "aria-hidden": "true" }, "›") : "",
      node === focus
        ? el("span", { "aria-current": "true" }, at ? node.name : titleOf(node))
        : el("button", { type: "button", onclick: () => open(node) }, at ? node.name : titleOf(node)),
    ]));
  }

  function drawList() {
    const rows = focus.children.map((node) => ({ node, name: node.name, value: node.all[metric] ?? 0 }));
    if (focus.own[metric] || !rows.length) rows.push({ node: focus, name: ITSELF, value: focus.own[metric] ?? 0, itself: true });
    rows.sort((a, b) => b.value - a.value);
    const whole = focus.all[metric] || 1;
    list.replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ["module", "class", metric, "share", "output"].map((text, at) =>
        el("th", { scope: "col", class: at === 2 && "number" }, text)))),
      el("tbody", {}, rows.map(({ node, name, value, itself }) => {
        const change = !itself && changed.get(node.path);
        const inner = el("code", {}, name || titleOf(node));
        return el("tr", { class: change && "changed" },
          el("th", { scope: "row" },
            !itself && node.children.length
              ? el("button", { type: "button", onclick: () => { open(node); list.focus({ preventScroll: true }); } }, inner)
              : inner,
            change && el("span", { class: "aside", title: change.what }, ` Δ ${change.how}`)),
          el("td", { title: node.settings }, el("span", { class: "clip" }, `${node.cls}${node.calls === 1 ? "" : ` × ${node.calls}`}`)),
          el("td", { class: "number" }, shown(value, metric)),
          el("td", { class: "share" }, bar(value / whole), ` ${percent(value, whole)}`),
          el("td", {}, el("code", {}, itself ? "" : node.output)));
      }))));
  }

  function draw() {
    const classes = classesOf(root, metric);
    const own = classes.slice(0, KINDS_SHOWN);
    colours = new Map(own.map(([cls], at) => [cls, at]));
    const rest = classes.slice(KINDS_SHOWN).reduce((sum, [, weight]) => sum + weight, 0);
    legend.replaceChildren(
      ...[...own, ...(rest ? [["others", rest]] : [])].map(([cls, weight]) =>
        el("li", {}, el("i", { class: `kind-${colours.get(cls) ?? "rest"}` }), `${cls} `,
          el("span", {}, percent(weight, root.all[metric])))),
      changed.size ? el("li", {}, el("i", { class: "changed" }), "Δ changed") : "");
    drawCrumbs();
    drawMap();
    drawList();
  }

  drawn(map, (now) => {
    width = now;
    drawMap();
  });
  draw();
  return {
    node: el("section", { "aria-labelledby": "modules" },
      el("h3", { id: "modules" }, "Modules"),
      el("div", { class: "row" }, choice("by", metrics, metric, (name) => {
        metric = name;
        draw();
      }), crumbs),
      map, legend, list),
    // Shows a module, or the nearest one around it that is there.
    goto(path) {
      let found = root;
      for (let next = root; next; ) {
        found = next;
        next = found.children.find((child) => path === child.path || path.startsWith(`${child.path}.`));
      }
      open(found.children.length || !found.parent ? found : found.parent);
      map.scrollIntoView({ block: "center" });
    },
  };
}

function bar(share) {
  const width = Math.max(0, Math.min(100, 100 * share));
  return svg("svg", { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width, height: 4 }));
}
