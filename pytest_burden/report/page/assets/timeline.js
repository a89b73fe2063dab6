"use strict";

// The bytes alive during each operator call, and what is alive at the peak.

const MARGIN = { top: 20, right: 26, bottom: 36, left: 62 };

// A scale of bytes or counts with round ticks in their own powers: 0, 50 MiB, 100 MiB.
function ticksOf(most, unit, count) {
  const base = unit === "bytes" ? 1024 : 1000;
  const divisor = base ** Math.max(0, Math.floor(Math.log(Math.max(most, 1)) / Math.log(base)));
  return d3.scaleLinear([0, most / divisor], [0, 1]).ticks(count).map((tick) => tick * divisor);
}

function frame(width, height, label) {
  return svg("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": label });
}

function axes(x, y, { xTicks, yTicks, xText, yText, xLabel }) {
  const [left, right] = x.range();
  const [bottom] = y.range();
  return [
    ...yTicks.map((tick) => svg("g", { transform: `translate(0 ${y(tick)})` },
      svg("line", { class: "grid", x1: left, x2: right }),
      svg("text", { x: left - 8, dy: "0.32em", "text-anchor": "end" }, yText(tick)))),
    svg("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    ...xTicks.map((tick) => svg("text", { x: x(tick), y: bottom + 15, "text-anchor": "middle" }, xText(tick))),
    svg("text", { class: "label", x: right, y: bottom + 30, "text-anchor": "end" }, xLabel),
  ];
}

function summed(differences, unit = 1) {
  let sum = 0;
  return differences.map((difference) => (sum += difference) * unit);
}

function phaseAt(peak, call) {
  return peak.phases.filter(([, start]) => start <= call).at(-1)?.[0] ?? "forward";
}

function timeline(peak) {
  const at = summed(peak.at);
  const alive = summed(peak.alive, peak.unit).map((bytes, place) => ({ call: at[place], bytes }));
  const nearest = d3.bisector((point) => point.call).center;
  const height = 230;
  const place = el("div", { class: "timeline" });
  let now = Math.max(0, nearest(alive, peak.call));
  const draw = (width) => {
    const x = d3.scaleLinear([0, Math.max(peak.calls, 1)], [MARGIN.left, width - MARGIN.right]);
    const most = Math.max(peak.bytes, ...alive.map((point) => point.bytes), 1);
    const y = d3.scaleLinear([0, most], [height - MARGIN.bottom, MARGIN.top]);
    const chart = frame(width, height, `${peak.metric}: bytes alive during each call`);
    const steps = d3.area().x((point) => x(point.call)).y0(y(0)).y1((point) => y(point.bytes)).curve(d3.curveStepAfter);
    const edge = steps.lineY1();
    const whole = [...alive, { call: peak.calls, bytes: alive.at(-1).bytes }];
    const phases = peak.phases.map(([name, start], index) => {
      const end = peak.phases[index + 1]?.[1] ?? peak.calls;
      const room = x(end) - x(start);
      return svg("g", { class: "phase" },
        index % 2 === 0 && svg("rect", { x: x(start), y: MARGIN.top - 18, width: Math.max(room, 0), height: y(0) - MARGIN.top + 18 }),
        room > name.length * 6.2 + 6 && svg("text", { x: x(start) + 5, y: MARGIN.top - 6 }, name));
    });
    const cursor = svg("g", { class: "cursor", hidden: true },
      svg("line", { y1: MARGIN.top, y2: y(0) }), svg("circle", { r: 3.5 }));
    const top = svg("g", { class: "peak", transform: `translate(${x(peak.call)} ${y(peak.bytes)})` },
      svg("line", { y2: y(0) - y(peak.bytes) }), svg("circle", { r: 4 }));
    chart.append(...phases, ...axes(x, y, {
      xTicks: x.ticks(Math.max(2, Math.min(8, width / 110))).filter(Number.isInteger),
      yTicks: ticksOf(most, "bytes", 4),
      xText: grouped,
      yText: (tick) => show(tick, "bytes"),
      xLabel: "operator calls",
    }), svg("path", { class: "area", d: steps(whole) }), svg("path", { class: "edge", d: edge(whole) }), top, cursor);
    fill(chart, {
      tabindex: "0", role: "slider", "aria-valuemin": 0, "aria-valuemax": peak.calls,
      onpointermove: (event) => {
        const box = chart.getBoundingClientRect();
        // A step lasts until the next point.
        const call = x.invert(event.clientX - box.left);
        move(Math.max(0, d3.bisector((point) => point.call).right(alive, call) - 1), event.clientX, event.clientY);
      },
      onpointerleave: leave,
      onblur: leave,
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, PageUp: 25, PageDown: -25, Home: -alive.length, End: alive.length }[event.key];
        if (!step) return;
        event.preventDefault();
        move(Math.max(0, Math.min(alive.length - 1, now + step)));
      },
      onfocus: () => chart.matches(":focus-visible") && move(now),
    }, []);
    function move(to, left, above) {
      now = to;
      const { call, bytes } = alive[to];
      cursor.removeAttribute("hidden");
      cursor.setAttribute("transform", `translate(${x(call)} 0)`);
      cursor.lastChild.setAttribute("cy", y(bytes));
      const text = [show(bytes, "bytes"), `call ${grouped(call)}, ${phaseAt(peak, call)}`,
        `${percent(bytes, peak.bytes)} of the peak`];
      chart.setAttribute("aria-valuenow", call);
      chart.setAttribute("aria-valuetext", text.join(", "));
      const box = chart.getBoundingClientRect();
      tip.show(left ?? box.left + x(call), above ?? box.top + y(bytes), text);
    }
    function leave() {
      cursor.setAttribute("hidden", "");
      tip.hide();
    }
    place.replaceChildren(chart);
  };
  return drawn(place, draw);
}

// What is alive at the peak: by category, and the largest tensors with the calls in which they live.
function holders(peak) {
  const parts = peak.categories.filter(([, bytes]) => bytes > 0);
  let left = 0;
  const stack = svg("svg", { class: "stack", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    parts.map(([, bytes], at) => {
      const width = (100 * bytes) / peak.bytes;
      const part = svg("rect", { class: `kind-${at}`, x: left, width: Math.max(width - 0.3, 0.1), height: 10 });
      left += width;
      return part;
    }));
  const last = Math.max(peak.calls, ...peak.tensors.map((held) => held.death ?? held.birth), peak.call, 1);
  const life = (held) => {
    const end = held.death ?? last;
    const text = `${grouped(held.birth)} to ${held.death == null ? "the end" : grouped(held.death)}`;
    return el("td", { class: "life" },
      svg("svg", { class: "bar", viewBox: `0 0 ${last} 4`, preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { x: held.birth, width: Math.max(end - held.birth, last / 100), height: 4 }),
        svg("rect", { class: "at", x: peak.call, width: last / 150, height: 4 })),
      el("span", {}, text));
  };
  return [
    parts.length && [stack, el("ul", { class: "legend", "aria-label": "Alive at the peak, by category" },
      parts.map(([name, bytes], at) => el("li", {}, el("i", { class: `kind-${at}` }), `${name} `,
        el("span", {}, `${show(bytes, "bytes")}, ${percent(bytes, peak.bytes)}`))))],
    peak.tensors.length && el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Largest tensors at the peak" },
      el("table", {},
        el("thead", {}, el("tr", {}, ["bytes", "share", "category", "tensor", "shape", "made by", "module", "alive, calls"].map((text, at) =>
          el("th", { scope: "col", class: at < 2 && "number" }, text)))),
        el("tbody", {}, peak.tensors.map((held) => el("tr", {},
          el("td", { class: "number" }, show(held.bytes, "bytes")),
          el("td", { class: "number" }, held.share),
          el("td", {}, held.category),
          el("td", {}, el("code", {}, held.name)),
          el("td", {}, el("code", {}, held.shape)),
          el("td", {}, el("code", {}, held.op)),
          el("td", {}, el("code", {}, held.module)),
          life(held)))))),
  ].flat().filter(Boolean);
}

function memoryView(peaks) {
  const place = el("div", {});
  const first = peaks.find((peak) => peak.metric === "training_memory") ?? peaks[0];
  const draw = (metric) => {
    const peak = peaks.find((each) => each.metric === metric);
    place.replaceChildren(
      el("p", { class: "lead" }, el("b", {}, show(peak.bytes, "bytes")), ` ${peak.when}`),
      peak.at.length > 1 ? timeline(peak) : "",
      ...holders(peak));
  };
  draw(first.metric);
  return el("section", { "aria-labelledby": "memory" },
    el("h3", { id: "memory" }, "Memory"),
    el("div", { class: "row" }, choice("of", peaks.map((peak) => peak.metric), first.metric, draw)),
    place);
}
