"use strict";

// The table of measurements: sorted by a column's header, and narrowed by words and verdicts.

{
  const table = document.getElementById("table");
  const KINDS = {
    all: ["all", () => true],
    open: ["fails or warns", (row) => row.matches(".fail, .warn")],
    pass: ["passes", (row) => row.matches(".pass, .none")],
    changed: ["changed", (row) => row.matches(".changed")],
  };

  const start = () => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row, place) => ({
      row,
      place,
      text: row.cells[0].textContent.toLowerCase(),
      values: [...row.cells].map((cell) =>
        "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.toLowerCase()),
    }));

    const heads = [...table.tHead.rows[0].cells];
    const names = new Intl.Collator(undefined, { numeric: true });
    const compare = (a, b) => (typeof a === "number" ? a - b : names.compare(a, b));
    const sort = (column) => {
      const head = heads[column];
      // Numbers begin with the largest; a third click brings the first order back.
      const first = typeof rows[0].values[column] === "number" ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const next = now === first ? second : now === second ? null : first;
      for (const each of heads) each.removeAttribute("aria-sort");
      if (next) head.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      const sorted = [...rows].sort((a, b) =>
        (next ? sign * compare(a.values[column], b.values[column]) : 0) || a.place - b.place);
      body.append(...sorted.map((each) => each.row));
    };
    heads.forEach((head, column) => {
      const text = head.textContent;
      head.replaceChildren(el("button", { type: "button", onclick: () => sort(column) },
        text, el("span", { class: "arrow", "aria-hidden": "true" })));
    });

    for (const { row } of rows) {
      const code = row.cells[0].firstElementChild;
      const link = el("a", { href: `#network-${row.dataset.place}` });
      code.replaceWith(link);
      link.append(code);
      row.addEventListener("click", (event) => {
        if (!event.target.closest("a") && !getSelection().toString()) link.click();
      });
    }

    let kind = "all";
    const search = el("input", { type: "search", id: "filter", placeholder: "resnet 224", oninput: () => filter() });
    const count = el("output", { for: "filter" });
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const { row, text } of rows) {
        const fits = KINDS[kind][1](row) && words.every((word) => text.includes(word));
        row.hidden = !fits;
        left += fits;
      }
      count.textContent = left === rows.length ? "" : `${left} of ${rows.length}`;
    };
    const usable = Object.entries(KINDS).filter(([, [, fits]]) => rows.some(({ row }) => fits(row)));
    document.getElementById("tools").append(
      el("label", { class: "choice" }, "Filter ", search),
      usable.length > 2
        ? choice("Show", usable.map(([name, [text]]) => [name, text]), kind, (name) => {
            kind = name;
            filter();
          })
        : "",
      count,
    );
  };
  if (table) start();
}
