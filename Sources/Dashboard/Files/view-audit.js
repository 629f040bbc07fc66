// The audit log: the newest records first; with a filter, those that match, from the oldest on.

import { get } from "./api.js";
import { fill, h, long } from "./dom.js";
import { announce, faultPanel } from "./messages.js";
import { outcomeBadge } from "./states.js";
import { go, link } from "./router.js";
import { may, whyNot } from "./session.js";
import { number, plural, utc } from "./text.js";
import { pages, table } from "./table.js";

const perPage = 50;
const filters = ["actor", "action", "target", "agent", "since", "until"];

/** Whether a record is what was asked for, whether or not the platform knows the filter. */
function matches(record, query) {
  const has = (value, part) => !part || value.toLowerCase().includes(part.toLowerCase());
  const at = new Date(record.time);
  return has(record.actor, query.actor) && has(record.action, query.action) && has(record.target, query.target)
    && !(query.since && at < new Date(query.since)) && !(query.until && at > new Date(query.until));
}

/** The newest page, or the one that ends before record `before`. */
async function newest(before, signal) {
  const end = before ?? (await get("/v1/audit/checkpoint", {}, signal)).size;
  const from = Math.max(0, end - perPage);
  if (end <= 0) return { items: [] };
  const { items } = await get("/v1/audit", { from, limit: end - from }, signal);
  return { items: items.reverse(), next: from > 0 ? { before: from } : null };
}

/** A page of records that match, from a number on. A page of the API may be short though more follows. */
async function filtered(query, signal, tell) {
  const items = [];
  const asked = Object.fromEntries(filters.map((name) => [name, query[name]]));
  let from = query.from ?? 0;
  for (;;) {
    const page = await get("/v1/audit", { ...asked, from, limit: perPage * 2 }, signal);
    for (const record of page.items) {
      if (!matches(record, query)) continue;
      items.push(record);
      if (items.length === perPage) return { items, next: { from: record.index + 1 } };
    }
    if (!page.next) return { items, next: null };
    from = page.next;
    tell(from);
  }
}

/** What `datetime-local` gives, in this browser's time, as the API has it. */
function apiTime(value) {
  return value ? new Date(value).toISOString() : "";
}

function localTime(value) {
  const date = new Date(value ?? "");
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export async function auditView({ query, signal }) {
  if (!may("admin")) return [h("h1", {}, "Audit log"), h("p", { class: "notice" }, whyNot("admin", "Reading the audit log"))];
  const inputs = Object.fromEntries(filters.map((name) => [name, ["since", "until"].includes(name)
    ? h("input", { type: "datetime-local", name, value: localTime(query[name]) })
    : h("input", { name, value: query[name] ?? "", autocomplete: "off", spellcheck: "false", placeholder: { agent: "tenant/name", action: "agent.create" }[name] })]));
  const results = h("div", {}, h("p", { class: "empty" }, "Looking …"));
  const form = h("form", {
    class: "filters", role: "search",
    on: {
      submit(event) {
        event.preventDefault();
        go("/audit", Object.fromEntries(filters.map((name) =>
          [name, name in { since: 1, until: 1 } ? apiTime(inputs[name].value) : inputs[name].value.trim()])));
      },
    },
  },
  filters.map((name) => h("label", {}, `${name[0].toUpperCase()}${name.slice(1)} `, inputs[name])),
  h("button", { type: "submit" }, "Search"), h("a", { class: "button", href: link("/audit") }, "Newest"));

  const asked = Object.fromEntries(filters.filter((name) => query[name]).map((name) => [name, query[name]]));
  const isFiltered = Object.keys(asked).length > 0;
  (async () => {
    try {
      const page = isFiltered
        ? await filtered(query, signal, (at) => fill(results, h("p", { class: "empty" }, `Looked at ${number(at)} records …`)))
        : await newest(query.before && Number(query.before), signal);
      fill(results,
        table("Audit records", ["Record", "Action", "Outcome", "Who", "On what", "When"], page.items.map((record) => [
          h("a", { href: link(`/audit/${record.index}`) }, number(record.index)),
          record.action, outcomeBadge(record.outcome), long(record.actor, 60), long(record.target, 80), utc(new Date(record.time)),
        ]), { empty: isFiltered ? "No record matches." : "The log is empty." }),
        pages({
          first: query.before || query.from ? link("/audit", asked) : null,
          next: page.next ? link("/audit", { ...asked, ...page.next }) : null,
          text: `${plural(page.items.length, "record")}, ${isFiltered ? "oldest" : "newest"} first`,
        }));
      announce(plural(page.items.length, "record"));
    } catch (error) {
      if (!signal.aborted) fill(results, faultPanel(error));
    }
  })();
  return [h("h1", {}, "Audit log"), form, results];
}
