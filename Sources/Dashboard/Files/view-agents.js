// The agents, a page at a time, as the platform finds them.

import { agentID, get } from "./api.js";
import { badge, fill, h, long, select, time } from "./dom.js";
import { announce, faultPanel } from "./messages.js";
import { phaseBadge } from "./states.js";
import { go, link } from "./router.js";
import { roleNote } from "./agent-actions.js";
import { may } from "./session.js";
import { number, plural } from "./text.js";
import { pages, table } from "./table.js";

const perPage = 50;
const phases = ["Pending", "Starting", "Running", "Stopped", "Failed", "Quarantined"];

/** How many alerts each agent had in the last day, as far as one page tells. */
async function alertCounts(signal) {
  const since = new Date(Date.now() - 86_400_000).toISOString();
  const { items, next } = await get("/v1/alerts", { since, limit: 500 }, signal);
  const counts = new Map();
  for (const { agent } of items) counts.set(agent, (counts.get(agent) ?? 0) + 1);
  return { counts, isWhole: !next };
}

function layersSummary(layers) {
  const failed = layers.filter((layer) => layer.state === "failed");
  const enforced = layers.filter((layer) => layer.state === "enforced");
  if (layers.length === 0) return badge("none", "none read back");
  if (failed.length > 0) return badge("bad", `failed: ${failed.map((layer) => layer.layer).join(", ")}`);
  return badge(enforced.length === layers.length ? "good" : "none", `${enforced.length} of ${layers.length} enforced`);
}

function row(agent, { counts, isWhole }) {
  const id = agentID(agent);
  const count = counts.get(id) ?? 0;
  return [
    h("a", { href: link(`/agents/${id}`), class: "wrap" }, id),
    phaseBadge(agent.status.phase), layersSummary(agent.status.layers), long(agent.spec.image, 48), agent.spec.tier,
    count > 0 ? h("a", { href: link("/alerts", { agent: id }) }, `${number(count)}${isWhole ? "" : "+"}`) : isWhole ? "0" : "–",
    time(agent.metadata.createdAt),
  ];
}

export async function agentsView({ query, signal }) {
  const search = h("input", { type: "search", name: "search", maxlength: 256, value: query.search ?? "", autocomplete: "off", spellcheck: "false" });
  const phase = select([["", "any phase"], ...phases], query.phase ?? "", { name: "phase", "aria-label": "Phase" });
  const results = h("div");
  const form = h("form", {
    class: "filters", role: "search",
    on: {
      submit(event) {
        event.preventDefault();
        go("/agents", { search: search.value.trim(), phase: phase.value });
      },
    },
  },
  h("label", {}, "Search ", search), phase, h("button", { type: "submit" }, "Search"),
  h("span", { class: "hint" }, "in names, images and labels"));
  phase.addEventListener("change", () => form.requestSubmit());

  (async () => {
    fill(results, h("p", { class: "empty" }, "Looking …"));
    try {
      const [page, alerts] = await Promise.all([
        get("/v1/agents", { search: query.search, phase: query.phase, limit: perPage, cursor: query.cursor }, signal),
        alertCounts(signal),
      ]);
      const filter = { search: query.search, phase: query.phase };
      fill(results,
        table("Agents", ["Agent", "Phase", "Layers", "Image", "Tier", "Alerts, 24 h", "Created"],
          page.items.map((agent) => row(agent, alerts)), { empty: query.search || query.phase ? "No agent matches." : "There are no agents yet." }),
        pages({
          first: query.cursor ? link("/agents", filter) : null,
          next: page.next ? link("/agents", { ...filter, cursor: page.next }) : null,
          text: `${plural(page.items.length, "agent")} on this page`,
        }));
      announce(`${plural(page.items.length, "agent")} on this page`);
    } catch (error) {
      if (signal.aborted) return;
      fill(results, faultPanel(error));
    }
  })();

  return [
    h("div", { class: "title" }, h("h1", {}, "Agents"),
      may("operator") ? h("a", { class: "button primary", href: link("/agents/new") }, "New agent") : roleNote("To create agents")),
    form, results,
  ];
}
