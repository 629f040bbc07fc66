// Alerts as rows, and one of them in whole: what happened, by which processes, and what was done about it.

import { responseButtons, roleNote } from "./agent-actions.js";
import { exactTime, facts, h, lines, long, time } from "./dom.js";
import { priorityBadge, responseBadge } from "./states.js";
import { link } from "./router.js";
import { showDialog } from "./messages.js";
import { number } from "./text.js";
import { table, tableRow } from "./table.js";

const columns = ["Rule", "Priority", "Agent", "Response", "Output", "When"];

function cells(alert, withAgent) {
  const all = [
    h("button", { type: "button", class: "rowlink", on: { click: () => showAlert(alert) } }, alert.rule),
    priorityBadge(alert.priority),
    alert.agent ? h("a", { href: link(`/agents/${alert.agent}`), class: "wrap" }, alert.agent) : "nobody's",
    responseBadge(alert), long(alert.output, 140), time(alert.time),
  ];
  return withAgent ? all : all.filter((_, index) => index !== 2);
}

function row(alert, withAgent) {
  return { cells: cells(alert, withAgent), attributes: { "data-id": alert.id, "data-time": alert.time } };
}

function headings(withAgent) {
  return withAgent ? columns : columns.filter((column) => column !== "Agent");
}

export function alertTable(alerts, { withAgent = true } = {}) {
  return table("Alerts", headings(withAgent), alerts.map((alert) => row(alert, withAgent)), { empty: "No alerts." });
}

/** The row of one alert, for lists that grow. */
export function alertRow(alert) {
  return tableRow(columns, row(alert, true))[0];
}

/**
 * The processes behind an alert, the oldest first, as far as its rule asked for them: `{name, command, role}`.
 * Falco's fields: `proc.aname[2]` is the parent's parent, `proc.pname` the parent, `proc.name` the process itself.
 */
function chain(fields) {
  const at = (name) => fields[name] ?? null;
  const levels = Object.keys(fields).map((name) => Number(name.match(/^proc\.a(?:name|cmdline|exepath|exe)\[(\d+)\]$/)?.[1] ?? 0));
  const found = [];
  for (let level = Math.max(...levels, 0); level >= 2; level -= 1) {
    const name = at(`proc.aname[${level}]`) ?? at(`proc.aexepath[${level}]`) ?? at(`proc.aexe[${level}]`);
    const command = at(`proc.acmdline[${level}]`);
    if (name || command) found.push({ role: `ancestor, ${level} above`, name, command });
  }
  const parent = at("proc.pname") ?? at("proc.aname[1]") ?? at("proc.pexepath");
  const parentCommand = at("proc.pcmdline") ?? at("proc.acmdline[1]");
  if (parent || parentCommand) found.push({ role: "parent", name: parent, command: parentCommand });
  const name = at("proc.name") ?? at("proc.exepath") ?? at("proc.exe");
  if (name || at("proc.cmdline")) found.push({ role: "process", name, command: at("proc.cmdline") });
  const target = at("fd.name") ?? at("fs.path.name") ?? at("evt.arg.filename");
  const event = [at("evt.type"), at("evt.res")].filter(Boolean).join(" → ");
  if (target || event) found.push({ role: "what it did", name: event || "used", command: target });
  return found;
}

function chainList(alert) {
  const found = chain(alert.outputFields);
  if (found.length === 0) return h("p", { class: "hint" }, "The rule tells of no process.");
  return h("ol", { class: "chain" },
    h("li", {}, h("span", { class: "hint" }, "sandbox"), h("strong", { class: "wrap" }, alert.agent ?? alert.container)),
    found.map(({ role, name, command }) => h("li", {},
      h("span", { class: "hint" }, role), h("strong", { class: "wrap" }, name ?? "not known"),
      command ? h("code", {}, long(command, 300)) : null)));
}

/** MITRE ATT&CK's names first: they say what the attacker was after. */
function tags(alert) {
  const rank = (tag) => (/^T\d{4}/.test(tag) ? 1 : tag.startsWith("mitre_") ? 0 : 2);
  const word = (tag) => (tag.startsWith("mitre_") ? `MITRE ATT&CK: ${tag.slice(6).replaceAll("_", " ")}` : tag);
  return h("ul", { class: "tags" }, [...alert.tags].sort((a, b) => rank(a) - rank(b)).map((tag) => h("li", {}, word(tag))));
}

export function showAlert(alert) {
  showDialog(alert.rule,
    h("p", {}, priorityBadge(alert.priority), " ", responseBadge(alert)),
    lines(alert.output, { class: "output" }),
    h("h3", {}, "Attack chain"), chainList(alert),
    h("h3", {}, "About"), facts(
      ["Agent", alert.agent ? h("a", { href: link(`/agents/${alert.agent}`) }, alert.agent) : "nobody's"],
      ["When", exactTime(alert.time)], ["Tags", alert.tags.length > 0 ? tags(alert) : null],
      ["Source", alert.source === "internal" ? "internal: found by the sentinel about its own sight" : alert.source],
      ["Response", responseBadge(alert)], ["Why it failed", alert.responseReason],
      ["Response over", alert.responseTime && exactTime(alert.responseTime)],
      ["Like it, not told", alert.suppressed > 0 ? number(alert.suppressed) : null],
      ["Sandbox", alert.container], ["Machine", alert.hostname], ["Id", h("a", { href: link("/alerts", { agent: alert.agent, alert: alert.id }) }, alert.id)]),
    h("details", {}, h("summary", {}, "All fields"), facts(...Object.entries(alert.outputFields).map(([name, value]) =>
      [name, value === null ? "no value" : long(Array.isArray(value) ? value.join(", ") : String(value), 400)]))),
    alert.agent ? [h("h3", {}, "Respond"),
      h("div", { class: "actions", role: "group", "aria-label": `Respond to ${alert.agent}` }, responseButtons(alert.agent)),
      roleNote("To respond")] : null);
}
