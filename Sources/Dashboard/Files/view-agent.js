// One agent: its layers with their evidence, what it uses, what it may reach and was refused, its alerts, its output.

import { agentActions, roleNote } from "./agent-actions.js";
import { allowed, denied } from "./agent-egress.js";
import { agentPath, get } from "./api.js";
import { alertTable } from "./alert-table.js";
import { badge, exactTime, facts, fill, h, lines, long, section, time } from "./dom.js";
import { documentOf } from "./egress.js";
import { logs } from "./logs.js";
import { faultPanel, showDialog } from "./messages.js";
import { layerBadge, phaseBadge } from "./states.js";
import { every, go, link, reload } from "./router.js";
import { number, plural } from "./text.js";
import { table } from "./table.js";
import { bytes, usageView } from "./usage.js";

/** What its tier gives it, in words. */
function limitWords({ cpus, memoryBytes, tasks }) {
  return [cpus && plural(cpus, "CPU"), memoryBytes && bytes(memoryBytes), tasks && plural(tasks, "process", "processes")]
    .filter(Boolean).join(", ") || "as its tier says";
}

function about(agent) {
  const { status, metadata, spec } = agent;
  return [
    status.reason ? h("p", { class: "notice" }, status.reason) : null,
    status.fault && status.fault.remedy && !status.reason?.includes(status.fault.remedy) ? h("p", { class: "notice" }, h("strong", {}, "What to do: "), status.fault.remedy) : null,
    (status.warnings ?? []).map((warning) => h("p", { class: "notice" }, badge("warn", "Admission"), ` ${warning}`)),
    metadata.deletedAt ? h("p", { class: "notice" }, "It is being deleted.") : null,
    section("About", facts(
      ["Image", long(spec.image, 100)], ["Image digest", status.imageDigest && long(status.imageDigest, 40)],
      ["Command", spec.command?.length ? long(spec.command.join(" "), 120) : null],
      ["Address", status.address], ["Started", status.startedAt && exactTime(status.startedAt)],
      ["Created", exactTime(metadata.createdAt)],
      ["Ports", Object.entries(spec.ports ?? {}).map(([name, port]) => `${name} ${port}`).join(", ")],
      ["Response to critical alerts", spec.response], ["Restart policy", spec.restartPolicy], ["Workspace", spec.workspace?.size],
      ["Labels", Object.keys(metadata.labels).length > 0
        ? h("ul", { class: "tags" }, Object.entries(metadata.labels).map(([key, value]) => h("li", {}, long(`${key}=${value}`, 60)))) : null]),
    h("button", { type: "button", on: { click: () => showDialog("Document", lines(JSON.stringify(documentOf(agent), null, 2))) } }, "Show the document")),
  ];
}

function state({ status, spec }) {
  const exit = status.lastExit;
  return [
    section("Layers", table("Layers of the agent", ["Layer", "State", "Evidence"],
      status.layers.map((layer) => [layer.layer, layerBadge(layer.state), h("span", { class: "wrap" }, layer.evidence)]),
      { empty: "Nothing was read back: the agent does not run." })),
    section("Resources", facts(
      ["Limits", `${spec.tier}: ${limitWords(status.limits ?? {})}`], ["Restarts since its last change", number(status.restarts)],
      ["Last exit", exit ? `code ${exit.code}${exit.outOfMemory ? ", it went over its memory" : ""}` : null])),
  ];
}

/** A cluster knows a secret by who runs with it alone. */
function secretVersion(known) {
  if (!known) return badge("bad", "missing");
  if (known.version !== undefined) return number(known.version);
  return known.inUse ? badge("good", "in use") : "not known";
}

function secretTable(agent, secrets) {
  const { tenant, name } = agent.metadata;
  const used = [
    ...agent.spec.secrets.map((secret) => [secret.name, `file /vault/secrets/${secret.name}`]),
    ...agent.spec.egress.filter((rule) => rule.credential).map((rule) => [rule.credential.secret, `added by the proxy for ${rule.host}`]),
  ];
  return table("Secrets of the agent", ["Name", "Use", "Version", "Set", "Last read"], used.map(([secret, use]) => {
    const known = secrets.find((entry) => entry.name === secret && entry.tenant === tenant && entry.agent === name)
      ?? secrets.find((entry) => entry.name === secret && entry.tenant === tenant && !entry.agent);
    return [secret, long(use, 80), secretVersion(known),
      known?.updatedAt ? time(known.updatedAt) : "–", known?.lastReadAt ? time(known.lastReadAt) : "–"];
  }), { empty: "It uses none. Values of secrets are never shown." });
}

/** What of an agent is worth showing anew; what it uses changes all the time, and is drawn by itself. */
function fingerprint(agent) {
  return JSON.stringify({ ...agent, status: { ...agent.status, usage: undefined } });
}

export async function agentView({ tenant, name, signal }) {
  const id = `${tenant}/${name}`;
  const leaveAgent = () => go("/agents");
  let agent = await get(agentPath(id), {}, signal);
  const phase = h("span", {}, phaseBadge(agent.status.phase));
  const actions = h("div", {}, agentActions(id, agent.status.phase, refresh, leaveAgent));
  const top = h("div", {}, about(agent));
  const layers = h("div", {}, state(agent));
  const stale = h("div", {});
  const open = h("div", {}, allowed(agent, reload));
  const closed = h("div", {}, "Looking …");
  const secrets = h("div", {}, "Looking …");
  const alerts = h("div", {}, "Looking …");

  async function refresh() {
    try {
      const found = await get(agentPath(id), {}, signal);
      fill(stale);
      if (signal.aborted || fingerprint(found) === fingerprint(agent)) return;
      if (found.status.phase !== agent.status.phase) {
        fill(phase, phaseBadge(found.status.phase));
        const hadFocus = actions.contains(document.activeElement);
        fill(actions, agentActions(id, found.status.phase, refresh, leaveAgent));
        if (hadFocus) actions.querySelector("button:enabled")?.focus();
      }
      agent = found;
      if (!top.contains(document.activeElement)) fill(top, about(agent));
      fill(layers, state(agent));
      if (!open.contains(document.activeElement)) fill(open, allowed(agent, reload));
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404) reload();
      else fill(stale, faultPanel(error), h("p", { class: "hint" }, "What follows may not be true any more."));
    }
  }
  every(4, signal, refresh);

  async function part(place, work) {
    try {
      fill(place, await work());
    } catch (error) {
      if (!signal.aborted) fill(place, faultPanel(error));
    }
  }
  part(closed, async () => {
    const { items } = await get("/v1/denials", { agent: id, limit: 500 }, signal);
    return denied(agent, items, reload);
  });
  part(secrets, async () => secretTable(agent, (await get("/v1/secrets", {}, signal)).items));
  part(alerts, async () => {
    const { items, next } = await get("/v1/alerts", { agent: id, limit: 20 }, signal);
    return [alertTable(items, { withAgent: false }),
      next ? h("p", {}, h("a", { href: link("/alerts", { agent: id }) }, "All alerts of this agent")) : null];
  });

  return [
    h("p", { class: "back" }, h("a", { href: link("/agents") }, "Agents")),
    h("div", { class: "title" }, h("h1", { class: "wrap" }, id), phase), actions, stale, top, layers, section("Use over time", usageView(id, signal)),
    section("Egress allowed", h("p", { class: "hint" }, `${plural(agent.spec.egress.length, "rule")}. What is not listed is closed.`), open),
    section("Egress denied", closed, roleNote("To allow a host")),
    section("Secrets", secrets), section("Alerts", alerts), section("Output", logs(id, signal)),
  ];
}
