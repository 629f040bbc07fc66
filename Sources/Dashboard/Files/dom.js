// Elements made by hand: every string becomes a text node, and nothing is ever parsed as markup.

import { ago, cut, utc, visible, visibleLines } from "./text.js";

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return parent;
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "href" && !value.startsWith("#")) {
      throw new Error("a link leads within this page only");
    } else if (name === "value") {
      element.value = value;
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
}

/** An element of HTML; `on` has its listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  append(element, children);
  setAttributes(element, attributes);
  return element;
}

/** An element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  return append(element, children);
}

export function fill(parent, ...children) {
  parent.replaceChildren();
  return append(parent, children);
}

/** Text of several lines, as a program wrote it. */
export function lines(text, attributes = {}) {
  const element = h("pre", { tabindex: "0", role: attributes["aria-label"] ? "group" : null, ...attributes });
  element.textContent = visibleLines(text);
  return element;
}

/** A value that may be long: its beginning, and the whole on demand. */
export function long(text, length = 160) {
  const whole = String(text);
  const short = cut(whole, length);
  if (short === whole) return h("span", { class: "wrap" }, whole);
  const part = h("span", { class: "wrap" }, short);
  const button = h("button", {
    type: "button", class: "quiet", "aria-expanded": "false",
    on: {
      click(event) {
        event.stopPropagation();
        const isOpen = button.getAttribute("aria-expanded") === "true";
        button.setAttribute("aria-expanded", String(!isOpen));
        fill(part, isOpen ? short : whole);
        fill(button, isOpen ? "Show all" : "Show less");
      },
    },
  }, "Show all");
  return h("span", {}, part, " ", button);
}

/** A time by its distance from now, kept up to date; the exact time is its title. */
export function time(text) {
  const date = new Date(text);
  return h("time", { datetime: Number.isNaN(date.getTime()) ? null : date.toISOString(), title: utc(date) }, ago(date));
}

/** The exact time, with its distance from now. */
export function exactTime(text) {
  return h("span", {}, utc(new Date(text)), " (", time(text), ")");
}

setInterval(() => {
  for (const element of document.querySelectorAll("time[datetime]")) {
    element.textContent = ago(new Date(element.dateTime));
  }
}, 20_000);

const shapes = {
  good: "M4 8.5 7 11.5 12.5 5",
  bad: "M4.5 4.5 11.5 11.5 M11.5 4.5 4.5 11.5",
  warn: "M8 3.5V9 M8 12V12.4",
  none: "M4.5 8H11.5",
  wait: "M8 4.5V8L10.5 9.8",
  held: "M6 5V11 M10 5V11",
};

export function icon(shape) {
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("circle", { cx: 8, cy: 8, r: 7 }), svg("path", { d: shapes[shape] ?? shapes.none }));
}

/** A state by its word, a shape and a colour: `good`, `bad`, `warn`, `none`, `wait` or `held`. */
export function badge(shape, word) {
  return h("span", { class: `badge ${shape}` }, icon(shape), word);
}

/** Names and values. Those without a value are left out. */
export function facts(...entries) {
  const list = h("dl", { class: "facts" });
  for (const [name, value] of entries) {
    if (value === null || value === undefined || value === "") continue;
    list.append(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  }
  return list;
}

/** A section with its heading. */
export function section(title, ...children) {
  const id = `s-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return h("section", { "aria-labelledby": id, class: "card" }, h("h2", { id }, title), ...children);
}

let numbers = 0;

/** A form's field with its label, a hint, and a place for what is wrong with it. */
export function field(label, input, { hint, wide } = {}) {
  const id = `f-${++numbers}`;
  input.id = id;
  const error = h("p", { class: "error", id: `${id}-e`, hidden: true });
  const note = hint ? h("p", { class: "hint", id: `${id}-h` }, hint) : null;
  input.setAttribute("aria-describedby", [note && `${id}-h`, `${id}-e`].filter(Boolean).join(" "));
  const box = h("div", { class: wide ? "field wide" : "field" }, h("label", { for: id }, label), input, note, error);
  box.fail = (text) => {
    fill(error, text ?? "");
    error.hidden = !text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  return box;
}

export function select(options, value, attributes = {}) {
  const element = h("select", attributes,
    options.map((option) => {
      const [key, label] = Array.isArray(option) ? option : [option, option];
      return h("option", { value: key, selected: key === value }, label);
    }));
  return element;
}
