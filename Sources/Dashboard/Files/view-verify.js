// The verification: runs over time, and one of them in whole, with its evidence and every waiver.

import { get } from "./api.js";
import { badge, exactTime, facts, h, section, select, time } from "./dom.js";
import { runChart } from "./run-chart.js";
import { verdictBadge } from "./states.js";
import { go, link } from "./router.js";
import { may, whyNot } from "./session.js";
import { duration, number, plural } from "./text.js";
import { table } from "./table.js";

function answer(value, words) {
  if (value === null || value === undefined) return h("span", { class: "hint", title: "nothing looked, or it is not known" }, "–");
  return value === false ? badge("bad", "no") : badge("good", words ?? "yes");
}

function evidence(check) {
  return h("details", { open: check.verdict === "FAILED" },
    h("summary", {}, plural(check.evidence.length, "piece"), " of evidence"),
    h("ul", {}, check.evidence.map((text) => h("li", { class: "wrap" }, text))),
    check.criteria?.length ? h("p", { class: "hint" }, `Trust Services Criteria: ${check.criteria.join(", ")}`) : null);
}

function checkTable(checks) {
  const columns = ["Check", "Verdict", "Prevented", "Detected", "Audited", "Responded", "Evidence"];
  return table("Checks of the run", columns, checks.map((check) => [
    h("span", { id: `check-${check.id}` }, h("strong", {}, check.id), h("span", { class: "hint block" }, check.title)),
    verdictBadge(check.verdict), answer(check.prevented),
    check.detected ? h("span", {}, badge("good", duration(check.detected.latencyMs)), h("span", { class: "hint block" }, check.detected.rule)) : answer(null),
    answer(check.audited), answer(check.responded), evidence(check),
  ]), { empty: "The run has no check of this layer." });
}

function waivers(list) {
  const shapes = { applied: "warn", expired: "bad", unneeded: "none", unused: "none" };
  const words = { applied: "applied", expired: "expired", unneeded: "not needed any more", unused: "not used" };
  return table("Waivers", ["Check", "State", "Owner", "Reason", "Expires"], list.map((entry) => {
    const waiver = entry.waiver ?? entry;
    return [waiver.check, badge(shapes[entry.state] ?? "none", words[entry.state] ?? String(entry.state)), waiver.owner, waiver.reason, waiver.expires];
  }), { empty: "None: nothing that is not proven was accepted." });
}

function startedBy(run) {
  return { schedule: "the schedule", upgrade: "an upgrade" }[run.trigger] ?? "a person";
}

function summaryBadges({ proven, failed, notTestable, waived }) {
  return h("span", { class: "badges" },
    badge("good", `${number(proven)} proven`),
    failed > 0 ? badge("bad", `${number(failed)} failed`) : null,
    notTestable > 0 ? badge("none", `${number(notTestable)} not testable`) : null,
    waived > 0 ? badge("warn", `${number(waived)} waived`) : null);
}

export async function verifyView({ id, query, signal }) {
  const title = h("h1", {}, "Verification");
  if (!may("admin")) return [title, h("p", { class: "notice" }, whyNot("admin", "Reading verifications"))];
  const { items: runs, next } = await get("/v1/verifications", { limit: 100, cursor: query.cursor }, signal);
  const intro = h("p", {}, "lobstack verify attacks the platform in throw-away sandboxes: each attack must work where the control is off, and fail where it is on.");
  const wanted = id ?? (runs.find((run) => ["quick", "full"].includes(run.tier)) ?? runs[0])?.id;
  if (!wanted) return [title, intro, h("p", { class: "notice" }, "No run is recorded, so nothing is proven. Run lobstack verify as root on the machine.")];
  const run = await get(`/v1/verifications/${encodeURIComponent(wanted)}`, {}, signal);
  const report = JSON.parse(run.report);
  const layers = [...new Set(report.checks.map((check) => check.layer))];
  const layer = select([["", "all layers"], ...layers], query.layer ?? "", { name: "layer", "aria-label": "Layer" });
  layer.addEventListener("change", () => go(`/verify/${wanted}`, { layer: layer.value }));
  return [
    title, intro,
    section("Runs", h("div", { class: "scroll" }, runChart(runs, wanted)),
      h("p", { class: "legend" }, badge("good", "proven"), badge("warn", "waived"), badge("none", "not testable"), badge("bad", "failed")),
      h("details", {}, h("summary", {}, "As a table"),
        table("Runs", ["Run", "Tier", "Result", "Took", "Audit record"], runs.map((one) => [
          h("a", { href: link(`/verify/${one.id}`) }, time(one.startedAt)), one.tier, summaryBadges(one.summary), duration(one.durationMs),
          h("a", { href: link(`/audit/${one.auditIndex}`) }, number(one.auditIndex)),
        ])), next ? h("p", {}, h("a", { href: link("/verify", { cursor: next }) }, "Older runs")) : null)),
    section(id ? "This run" : "Newest run", facts(
      ["Result", summaryBadges(run.summary)], ["Started", exactTime(run.startedAt)], ["Took", duration(run.durationMs)], ["Tier", run.tier], ["Begun by", startedBy(run)],
      ["Version", run.version], ["SHA-256 of the report", h("code", {}, run.sha256)],
      ["Audit record", h("a", { href: link(`/audit/${run.auditIndex}`) }, `${number(run.auditIndex)}, with its proof`)])),
    section("Waivers", waivers(report.waivers ?? [])),
    section("Checks", h("div", { class: "filters" }, h("label", {}, "Layer ", layer)),
      checkTable(report.checks.filter((check) => !query.layer || check.layer === query.layer))),
  ];
}
