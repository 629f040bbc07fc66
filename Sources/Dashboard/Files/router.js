// Views by the part of the address after `#`: `#/agents/acme/bot`, `#/agents?search=x`.

import { queryText } from "./api.js";
import { fill, h } from "./dom.js";
import { faultPanel } from "./messages.js";
import { visible } from "./text.js";

const routes = [];
let leaving = new AbortController();
let shown = "";

/** `pattern` is a path with parameters: `/agents/{tenant}/{name}`; `view` is given `Place` and returns a node. */
export function route(pattern, title, view) {
  const names = [...pattern.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const expression = new RegExp(`^${pattern.replace(/\{\w+\}/g, "([^/]+)")}$`);
  routes.push({ expression, names, title, view });
}

export function link(path, query) {
  return `#${path}${queryText(query)}`;
}

export function go(path, query) {
  location.hash = link(path, query);
}

/** The address of the view that is open, `/agents`. */
export function currentPath() {
  return location.hash.slice(1).split("?")[0] || "/";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function find() {
  const [path, search = ""] = (location.hash.slice(1) || "/").split("?");
  const query = Object.fromEntries(new URLSearchParams(search));
  for (const { expression, names, title, view } of routes) {
    const match = path.match(expression);
    if (!match) continue;
    const parameters = Object.fromEntries(names.map((name, index) => [name, decoded(match[index + 1])]));
    return { view, title: typeof title === "string" ? title : title(parameters), parameters, query, path };
  }
  return null;
}

/** Ends what the open view does: its requests, its streams. */
export function leave() {
  leaving.abort();
}

/** Shows the view of the address. The focus goes to its heading when it is another view than before. */
export async function show({ again = false } = {}) {
  leave();
  const controller = new AbortController();
  leaving = controller;
  const main = document.getElementById("main");
  const place = find();
  const isOther = place?.path !== shown;
  shown = place?.path ?? "";
  document.title = visible(`${place?.title ?? "Not found"} · Lobstack`);
  dispatchEvent(new CustomEvent("lobstack-shown"));
  if (isOther || !again) main.setAttribute("aria-busy", "true");
  let content;
  try {
    content = place
      ? await place.view({ ...place.parameters, query: place.query, signal: controller.signal })
      : [h("h1", {}, "Not found"), h("p", {}, "There is no such page. ", h("a", { href: "#/" }, "To the platform"))];
  } catch (error) {
    if (controller.signal.aborted) return;
    content = [h("h1", {}, place.title), faultPanel(error)];
  }
  if (controller.signal.aborted) return;
  fill(main, content);
  main.removeAttribute("aria-busy");
  if (isOther) scrollTo(0, 0);
  // Nor is it lost when what had it is gone.
  if (isOther || document.activeElement === document.body) {
    const heading = main.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }
}

/** The same view with what is true now. */
export function reload() {
  return show({ again: true });
}

/** Calls `action` every so many seconds while the view is open and the page is seen, and when it is seen again. */
export function every(seconds, signal, action) {
  const act = () => {
    if (!document.hidden) action();
  };
  const timer = setInterval(act, seconds * 1000);
  document.addEventListener("visibilitychange", act, { signal });
  signal.addEventListener("abort", () => clearInterval(timer));
}
