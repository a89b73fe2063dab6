"use strict";

// One network in place of the overview, under an address of its own: #network-3.

function budgetView(network) {
  const limits = new Map();
  for (const [metric, limit, where, used, word] of network.verdicts) {
    if (!limits.has(metric)) limits.set(metric, []);
    limits.get(metric).push({ limit, where, used, word });
  }
  const cells = ({ limit, used, word, where } = {}) => [
    el("td", { class: "number" }, limit ?? ""), el("td", { class: "number" }, used === "-" ? "" : used ?? ""),
    el("td", {}, word && el("span", { class: `word ${wordKind(word)}` }, word)), el("td", {}, where && el("code", {}, where))];
  const rows = [...network.metrics ?? []];
  for (const metric of limits.keys()) if (!rows.some(([name]) => name === metric)) rows.push([metric, "-", "", ""]);
  return el("section", { "aria-labelledby": "metrics" },
    el("h3", { id: "metrics" }, "Metrics and limits"),
    el("div", { class: "scroll", role: "region", tabindex: "0", "aria-labelledby": "metrics" },
      el("table", { class: "dense" },
        el("thead", {}, el("tr", {}, ["metric", "measured", "exactly", "limit", "used", "verdict", "from"].map((text, at) =>
          el("th", { scope: "col", class: at > 0 && at < 5 && "number" }, text)))),
        el("tbody", {}, rows.flatMap(([metric, text, exact, meaning]) =>
          (limits.get(metric) ?? [undefined]).map((limit, at) => el("tr", {},
            el("th", { scope: "row", title: meaning }, at ? "" : metric),
            el("td", { class: "number" }, at ? "" : text), el("td", { class: "number exact" }, at ? "" : exact),
            cells(limit))))))),
    el("ul", { class: "notes" }, (network.notes ?? []).map((line) => el("li", {}, line))));
}

function wordKind(word) {
  return /^(pass|accepted)/.test(word) ? "pass" : /\(/.test(word) || word === "shrank" ? "warn" : "fail";
}

function changesView(changed, goto) {
  const { rows, modules, details } = changed;
  const known = [...new Set(modules.flatMap((change) => Object.keys(change.grown)))];
  const first = ["flops", "params"].find((metric) => known.includes(metric)) ?? known[0];
  const place = el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Modules that changed" });
  const draw = (metric) => {
    const most = Math.max(...modules.map((change) => Math.abs(change.grown[metric] ?? 0)), 1);
    const ranked = [...modules].sort((a, b) => Math.abs(b.grown[metric] ?? 0) - Math.abs(a.grown[metric] ?? 0));
    place.replaceChildren(el("table", { class: "blame" },
      el("thead", {}, el("tr", {}, ["module", "what", metric, ""].map((text, at) => el("th", { scope: "col", class: at === 2 && "number" }, text)))),
      el("tbody", {}, ranked.map((change) => {
        const grown = change.grown[metric] ?? 0;
        const width = (50 * Math.abs(grown)) / most;
        return el("tr", {},
          el("th", { scope: "row" }, goto && change.how !== "removed"
            ? el("button", { type: "button", title: "show in the treemap", onclick: () => goto(change.path) }, el("code", {}, change.path || ROOT))
            : el("code", {}, change.path || ROOT)),
          el("td", {}, el("span", { class: "clip" }, [change.how === "changed" ? "" : change.how, change.what].filter(Boolean).join(", "))),
          el("td", { class: "number" }, grown ? signed(grown, metric) : "-"),
          el("td", { class: "diverging" }, svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
            svg("rect", { class: grown > 0 ? "more" : "less", x: grown > 0 ? 50 : 50 - width, width, height: 4 }),
            svg("rect", { class: "zero", x: 49.8, width: 0.4, height: 4 }))));
      }))));
  };
  if (known.length) draw(first);
  return el("section", { "aria-labelledby": "since" },
    el("h3", { id: "since" }, `Changed since ${DATA.since}`),
    rows.length > 0 && el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Metrics that changed" },
      el("table", {},
        el("thead", {}, el("tr", {}, ["metric", "before", "after", "difference", "allowed", "verdict"].map((text, at) =>
          el("th", { scope: "col", class: at > 0 && at < 4 && "number" }, text)))),
        el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, at) =>
          el(at ? "td" : "th", { scope: !at && "row", class: at > 0 && at < 4 && "number" },
            at === 5 && cell ? el("span", { class: `word ${wordKind(cell)}` }, cell) : cell))))))),
    known.length > 0 && [el("div", { class: "row" }, choice("Modules by", known, first, draw)), place],
    el("ul", { class: "notes" }, details.map((line) => el("li", {}, line))));
}

function networkView(network, place) {
  const step = (to, text) => el("a", { href: `#network-${to}`, class: to < 0 || to >= DATA.networks.length ? "off" : "" }, text);
  const hasModules = network.modules?.names.length > 0 && Object.keys(network.modules.own).length > 0;
  const modules = hasModules ? modulesView(network, network.changed?.modules ?? []) : null;
  return [
    el("nav", { class: "back", "aria-label": "Measurements" },
      el("a", { href: "#measurements" }, "← All measurements"), el("span", {},
        place > 0 && step(place - 1, "Previous"), place + 1 < DATA.networks.length && step(place + 1, "Next"))),
    el("header", { class: "network" },
      el("h2", { tabindex: "-1" }, el("code", {}, network.id)),
      el("p", {}, el("span", { class: `word ${network.state}` }, network.word), network.model && el("code", { class: "model" }, network.model))),
    network.says.length > 0 && el("section", { class: `told ${network.state}`, "aria-label": "What is decided" },
      network.says.map(([head, ...rest]) => el("article", {},
        el("h3", {}, head),
        rest.length > 1 && el("pre", {}, rest.slice(0, -1).join("\n")),
        rest.at(-1) && el("p", { class: "advice" }, rest.at(-1))))),
    network.changed && changesView(network.changed, modules?.goto),
    (network.metrics || network.verdicts.length > 0) && budgetView(network),
    modules?.node,
    network.peaks?.length > 0 && memoryView(network.peaks),
    network.sweep && sweepView(network.sweep),
  ];
}

{
  const overview = document.getElementById("overview");
  const page = document.getElementById("network");
  const title = document.title;
  let back = null; // what was left, and where

  const route = () => {
    const place = Number(/^#network-(\d+)$/.exec(location.hash)?.[1] ?? -1);
    const network = DATA.networks[place];
    tip.hide();
    if (network) {
      if (!overview.hidden) back = { top: scrollY, place };
      overview.hidden = true;
      page.hidden = false;
      page.replaceChildren();
      fill(page, {}, networkView(network, place));
      document.title = `${network.id} · ${title}`;
      scrollTo(0, 0);
      page.querySelector("h2").focus({ preventScroll: true });
      return;
    }
    const came = !page.hidden;
    overview.hidden = false;
    page.hidden = true;
    page.replaceChildren();
    document.title = title;
    if (came && back) {
      scrollTo(0, back.top);
      document.querySelector(`#table tr[data-place="${back.place}"] a`)?.focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", route);
  route();

  // Headlines on the overview lead to the network that they are about.
  const places = new Map(DATA.networks.map((network, place) => [network.id, place]));
  for (const article of overview.querySelectorAll("article[data-subject]")) {
    const place = places.get(article.dataset.subject);
    if (place === undefined) continue;
    const head = article.querySelector("h3");
    const link = el("a", { href: `#network-${place}` });
    link.append(...head.childNodes);
    head.append(link);
  }
}
