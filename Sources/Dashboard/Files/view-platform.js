// The platform at a glance: what is proven of each layer, what runs, what happened in the last hour.

import { get } from "./api.js";
import { badge, fill, h, section, time } from "./dom.js";
import { picture } from "./layer-picture.js";
import { faultPanel } from "./messages.js";
import { layers, layerState, newestChecks } from "./layers.js";
import { phaseBadge, priorities } from "./states.js";
import { every, link } from "./router.js";
import { may } from "./session.js";
import { number, plural } from "./text.js";
import { table } from "./table.js";

/** The newest runs with their reports, down to the newest that was of more than chosen checks. Null if that is not for the caller. */
async function newestRuns(signal) {
  if (!may("admin")) return null;
  const { items } = await get("/v1/verifications", { limit: 20 }, signal);
  const last = items.findIndex((run) => ["quick", "full"].includes(run.tier));
  const wanted = last < 0 ? items : items.slice(0, last + 1);
  return Promise.all(wanted.map(async (run) => {
    const { report } = await get(`/v1/verifications/${encodeURIComponent(run.id)}`, {}, signal);
    return { ...run, report: JSON.parse(report) };
  }));
}

async function load(signal) {
  const since = new Date(Date.now() - 3600_000);
  const [status, alerts, denials, runs] = await Promise.all([
    get("/v1/status", {}, signal),
    get("/v1/alerts", { since: since.toISOString(), limit: 500 }, signal),
    get("/v1/denials", { limit: 500 }, signal),
    newestRuns(signal),
  ]);
  return { status, alerts, denials: denials.items.filter((denial) => new Date(denial.time) >= since), moreDenials: denials.next && denials.items.every((denial) => new Date(denial.time) >= since), runs };
}

function verdict(states) {
  const bad = states.filter(([, state]) => state.state === "bad");
  const open = states.filter(([, state]) => state.state === "none");
  const names = (found) => found.map(([layer]) => layer.name).join(", ");
  if (bad.length > 0) return [badge("bad", "Failed"), ` ${names(bad)}.`, open.length > 0 ? ` Not proven: ${names(open)}.` : ""];
  if (states.some(([, state]) => state.word === "not shown")) {
    return [badge("none", "Not shown"), " Which layers are proven is for the role admin; what is known without it is below."];
  }
  if (open.length === states.length) return [badge("none", "Not proven"), " Nothing is proven now."];
  if (open.length > 0) return [badge("none", "Not all proven"), ` Without a proof: ${names(open)}.`];
  return [badge("good", "Proven"), " Every layer withstood its attacks."];
}

function layerList(states) {
  return h("ul", { class: "layers" }, states.map(([layer, state]) => {
    const item = h("li", {},
      h("a", { href: link("/verify", { layer: layer.checks }) },
        h("span", { class: "layer-name" }, layer.name), badge(state.state, state.word),
        h("span", { class: "hint" }, layer.what),
        h("span", { class: "hint why" }, state.why, state.at === null ? null : [", ", time(new Date(state.at))])));
    for (const [event, on] of [["mouseenter", true], ["focusin", true], ["mouseleave", false], ["focusout", false]]) {
      item.addEventListener(event, () => document.getElementById(`ring-${layer.id}`)?.classList.toggle("near", on));
    }
    return item;
  }));
}

function counts(entries, empty) {
  return entries.length === 0 ? h("p", { class: "empty" }, empty)
    : h("ul", { class: "counts" }, entries.map(([label, count, href]) =>
      h("li", {}, h("a", { href }, h("span", { class: "figure" }, count), label))));
}

function content({ status, alerts, denials, moreDenials, runs }) {
  const checks = runs && newestChecks(runs);
  const states = layers.map((layer) => [layer, layerState(layer, checks, status.components)]);
  const proof = status.components.find((component) => component.name === "verification");
  const byPriority = priorities.map((priority) => [priority, alerts.items.filter((alert) => alert.priority === priority).length])
    .filter(([, count]) => count > 0);
  const denied = denials.reduce((sum, denial) => sum + denial.count, 0);
  const phases = Object.entries(status.agents).sort(([a], [b]) => a.localeCompare(b));
  const agents = phases.reduce((sum, [, count]) => sum + count, 0);
  return [
    h("p", { class: "verdict", id: "verdict" }, verdict(states)),
    h("div", { class: "platform" },
      h("div", { class: "card picture" }, picture(states)),
      h("section", { class: "card", "aria-labelledby": "layers-title" }, h("h2", { id: "layers-title" }, "Layers"), layerList(states),
        h("p", { class: "hint" }, "A layer is proven when the newest attacks on it failed, less than a day ago, and what enforces it is ready. ",
          proof ? `Last run: ${proof.detail}.` : "No run of lobstack verify is recorded."))),
    h("div", { class: "trio" },
      section("Agents", counts([["in all", number(agents), link("/agents")],
        ...phases.map(([phase, count]) => [phaseBadge(phase), number(count), link("/agents", { phase })])], "No agents.")),
      section("Alerts, last hour", counts(byPriority.map(([priority, count]) =>
        [priority, alerts.next ? `${number(count)}+` : number(count), link("/alerts", { priority })]), "No alerts.")),
      section("Denials, last hour", counts([[moreDenials ? "requests, and more" : plural(denied, "request").replace(/^\S+ /, ""), number(denied), link("/denials")]], ""))),
    section("Components", table("Components of the platform", ["Component", "State", "Detail"],
      status.components.map((component) => [component.name,
        badge({ ready: "good", degraded: "warn", down: "bad" }[component.state] ?? "none", component.state), h("span", { class: "wrap" }, component.detail)]))),
    h("p", { class: "hint" }, `Instance ${status.instance}, version ${status.version}. `,
      status.audit ? `The audit log has ${plural(status.audit.size, "record")}.` : ""),
  ];
}

export async function platformView({ signal }) {
  const body = h("div", { id: "platform" }, content(await load(signal)));
  every(15, signal, async () => {
    let found;
    try {
      found = content(await load(signal));
    } catch (error) {
      // What was proven a moment ago is not shown as if it were known now.
      found = [faultPanel(error), h("p", { class: "hint" }, "It is tried again every 15 seconds.")];
    }
    if (signal.aborted) return;
    const place = body.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    fill(body, found);
    // Whoever is in the middle of it by keyboard keeps their place.
    if (place) body.querySelector(`a[href="${CSS.escape(place)}"]`)?.focus({ preventScroll: true });
  });
  return [h("h1", {}, "Platform"), body];
}
