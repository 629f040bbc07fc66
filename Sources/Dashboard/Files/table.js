// Tables that become cards on a narrow screen and stay tables to assistive technology.

import { h } from "./dom.js";

/** `columns` are texts; `rows` are arrays of cells, or `{cells, attributes, after}` with a row that belongs below. */
export function table(caption, columns, rows, { empty = "Nothing here." } = {}) {
  if (rows.length === 0) return h("p", { class: "empty" }, empty);
  const body = h("tbody", { role: "rowgroup" });
  for (const row of rows) body.append(...tableRow(columns, row));
  return h("div", { class: "table" },
    h("table", { role: "table" },
      h("caption", { class: "unseen" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        columns.map((column) => h("th", { scope: "col", role: "columnheader" }, column)))),
      body));
}

export function tableRow(columns, row) {
  const { cells, attributes = {}, after } = Array.isArray(row) ? { cells: row } : row;
  const main = h("tr", { role: "row", ...attributes },
    cells.map((cell, index) => h(index === 0 ? "th" : "td", {
      role: index === 0 ? "rowheader" : "cell", scope: index === 0 ? "row" : null, "data-label": columns[index],
    }, h("div", { class: "cell" }, cell))));
  if (!after) return [main];
  return [main, h("tr", { role: "row", class: "after" }, h("td", { role: "cell", colspan: columns.length }, after))];
}

/** Links to the first and the next page of a listing. */
export function pages({ first, next, text }) {
  return h("nav", { class: "pages", "aria-label": "Pages" },
    text ? h("span", {}, text) : null,
    first ? h("a", { class: "button", href: first }, "First page") : null,
    next ? h("a", { class: "button", href: next, rel: "next" }, "Next page") : null);
}
