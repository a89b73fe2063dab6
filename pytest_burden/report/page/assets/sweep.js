"use strict";

// A network at many sizes of its inputs: a line for each combination of the other sizes, and the laws.

const LINES = 7; // as many as have a colour; the table has all points

function sweepView(sweep) {
  const { symbols, metrics, points } = sweep;
  let metric = metrics[0];
  let symbol = symbols[0];
  let logarithmic = false;
  const chart = el("div", { class: "sweep" });
  const legend = el("ul", { class: "legend" });
  let width = 0;

  function series() {
    const at = symbols.indexOf(symbol);
    const found = new Map();
    for (const { sizes, values, off } of points) {
      const value = values[metrics.indexOf(metric)];
      if (value == null) continue;
      const name = symbols.filter((each) => each !== symbol).map((each) => `${each}=${grouped(sizes[symbols.indexOf(each)])}`).join(", ");
      if (!found.has(name)) found.set(name, []);
      found.get(name).push({ x: sizes[at], y: value, name, off: off.includes(metrics.indexOf(metric)) });
    }
    for (const line of found.values()) line.sort((a, b) => a.x - b.x);
    // Of too many lines those that are spread over all of them.
    const all = [...found];
    return all.length <= LINES ? all
      : Array.from({ length: LINES }, (_, n) => all[Math.round((n * (all.length - 1)) / (LINES - 1))]);
  }

  function draw() {
    if (!width || !metric) return;
    const lines = series();
    const all = lines.flatMap(([, line]) => line);
    if (!all.length) {
      chart.replaceChildren(el("p", { class: "nothing" }, `${metric} was not measured`));
      legend.replaceChildren();
      return;
    }
    const height = 270;
    const unit = DATA.units[metric];
    const most = Math.max(...all.map((point) => point.y), 1);
    const xs = [...new Set(all.map((point) => point.x))].sort((a, b) => a - b);
    const log = logarithmic && all.every((point) => point.x > 0 && point.y > 0);
    const scale = log ? d3.scaleLog : d3.scaleLinear;
    const lowest = Math.min(...all.map((point) => point.y));
    const x = scale(log ? [xs[0], xs.at(-1) === xs[0] ? xs[0] * 2 : xs.at(-1)] : [0, xs.at(-1) || 1], [MARGIN.left, width - MARGIN.right - 6]);
    const y = scale(log ? [lowest === most ? lowest / 2 : lowest, most] : [0, most], [height - MARGIN.bottom, MARGIN.top]);
    const path = d3.line().x((point) => x(point.x)).y((point) => y(point.y));
    const ticks = log ? y.ticks(4).filter((tick, at, every) => every.length < 8 || /^1/.test(tick.toExponential())) : ticksOf(most, unit, 4);
    const room = Math.max(1, Math.ceil(xs.length / (width / 60)));
    const picture = frame(width, height, `${metric} by ${symbol}`);
    picture.setAttribute("role", "group");
    picture.append(...axes(x, y, {
      xTicks: xs.filter((_, at) => at % room === 0),
      yTicks: ticks,
      xText: grouped,
      yText: (tick) => show(tick, unit === "bytes" ? unit : ""),
      xLabel: symbol,
    }), svg("text", { class: "label", x: 10, y: 14 }, unit === "bytes" ? "" : unit));
    lines.forEach(([, line], at) => {
      // Points that the law is not about stand alone.
      picture.append(svg("path", { class: `line line-${at}`, d: path(line.filter((point) => !point.off)) }),
        ...line.map((point) => {
          const text = [shown(point.y, metric), `${symbol}=${grouped(point.x)}${point.name ? `, ${point.name}` : ""}`,
            ...(point.off ? ["off the law"] : [])];
          const tell = (event) => {
            const box = event.target.getBoundingClientRect();
            tip.show(box.right - 8, box.top, text);
          };
          return svg("circle", { class: `dot line-${at}${point.off ? " off" : ""}`, cx: x(point.x), cy: y(point.y), r: 4.5, tabindex: "0", role: "img",
            "aria-label": text.join(" at "), onpointerenter: tell, onfocus: tell, onpointerleave: () => tip.hide(), onblur: () => tip.hide() });
        }));
    });
    chart.replaceChildren(picture);
    legend.replaceChildren(...(lines.length > 1 ? lines.map(([name], at) =>
      el("li", {}, svg("svg", { class: "sample", viewBox: "0 0 24 8", "aria-hidden": "true" },
        svg("path", { class: `line line-${at}`, d: "M0 4H24" })), name)) : []));
  }

  const rows = el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "All points of the sweep" },
    el("table", {},
      el("thead", {}, el("tr", {}, [...symbols, ...metrics].map((name) => el("th", { scope: "col", class: "number" }, name)))),
      el("tbody", {}, points.map(({ sizes, values }) => el("tr", {},
        sizes.map((size) => el("td", { class: "number" }, grouped(size))),
        values.map((value, at) => el("td", { class: "number" }, value == null ? "-" : shown(value, metrics[at]))))))));

  drawn(chart, (now) => {
    width = now;
    draw();
  });
  const check = el("input", { type: "checkbox", onchange: () => {
    logarithmic = check.checked;
    draw();
  } });
  return el("section", { "aria-labelledby": "sweep" },
    el("h3", { id: "sweep" }, `Sweep over ${symbols.join(", ")}`),
    metrics.length > 0 && [
      el("div", { class: "row" },
        choice("of", metrics, metric, (name) => { metric = name; draw(); }),
        symbols.length > 1 && choice("by", symbols, symbol, (name) => { symbol = name; draw(); }),
        el("label", { class: "choice" }, check, " logarithmic")),
      chart, legend,
    ],
    sweep.notes.length > 0 && el("pre", {}, sweep.notes.join("\n")),
    el("details", {}, el("summary", {}, `${points.length} points`), rows));
}
