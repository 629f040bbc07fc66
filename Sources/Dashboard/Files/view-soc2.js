// The SOC 2 report: criteria, controls, evidence, and what the platform cannot say. What is there is shown.

import { get, Problem } from "./api.js";
import { badge, facts, h, long, section } from "./dom.js";
import { go, link } from "./router.js";
import { may, whyNot } from "./session.js";
import { utc } from "./text.js";

function list(value) {
  return Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
}

function words(value) {
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
}

function statusBadge(status) {
  const text = words(status);
  const shape = /^(met|ok|proven|effective|satisfied|operating|pass(ed)?)$/i.test(text) ? "good"
    : /fail|exception|deficien|^not[ _-]?met|unmet/i.test(text) ? "bad" : /part|waived|exception/i.test(text) ? "warn" : "none";
  return badge(shape, text || "no status");
}

/** Where a piece of evidence can be read: an audit record, or a run of the verification. */
function reference(evidence) {
  const text = words(evidence.reference);
  if (text === "") return null;
  const record = text.match(/^(?:audit[ :#]*(?:record)?[ :#]*)?(\d+)$/)?.[1];
  const run = text.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i)?.[0];
  if (run) return h("a", { href: link(`/verify/${run}`) }, text);
  return record ? h("a", { href: link(`/audit/${record}`) }, `audit record ${record}`) : h("code", {}, long(text, 80));
}

function control(found) {
  const evidence = list(found.evidence);
  return h("li", {}, h("p", {}, h("strong", {}, words(found.id)), " ", words(found.title), found.status === undefined ? null : [" ", statusBadge(found.status)]),
    evidence.length === 0 ? h("p", { class: "hint" }, "No evidence in this period.")
      : h("ul", { class: "evidence" }, evidence.map((piece) => typeof piece === "object" && piece !== null
        ? h("li", {}, piece.kind ? h("span", { class: "kind" }, words(piece.kind)) : null, " ", h("span", { class: "wrap" }, words(piece.text)), " ", reference(piece))
        : h("li", { class: "wrap" }, words(piece)))));
}

function criterion(found) {
  const [controls, limits] = [list(found.controls), list(found.limits)];
  return h("section", { class: "card" },
    h("h2", {}, `${words(found.id)} ${words(found.title)} `, statusBadge(found.status)),
    controls.length > 0 ? h("ul", { class: "controls" }, controls.map(control)) : h("p", { class: "hint" }, "No control of the platform serves it."),
    limits.length > 0 ? [h("h3", {}, "What the platform cannot say"), h("ul", {}, limits.map((text) => h("li", { class: "wrap" }, words(text))))] : null);
}

function day(value) {
  return value ? String(value).slice(0, 10) : "";
}

export async function soc2View({ query, signal }) {
  const title = h("h1", {}, "SOC 2");
  if (!may("admin")) return [title, h("p", { class: "notice" }, whyNot("admin", "Reading the report"))];
  let report;
  try {
    report = await get("/v1/reports/soc2", { since: query.since, until: query.until }, signal);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    return [title, h("p", { class: "notice" }, "This platform has no SOC 2 report.")];
  }
  const since = h("input", { type: "date", name: "since", value: day(query.since ?? report.period?.since) });
  const until = h("input", { type: "date", name: "until", value: day(query.until ?? report.period?.until) });
  const form = h("form", {
    class: "filters",
    on: {
      submit(event) {
        event.preventDefault();
        go("/soc2", {
          since: since.value && `${since.value}T00:00:00Z`, until: until.value && `${until.value}T23:59:59Z`,
        });
      },
    },
  }, h("label", {}, "Since ", since), h("label", {}, "Until ", until), h("button", { type: "submit" }, "Show"),
  h("button", { type: "button", on: { click: () => print() } }, "Print"));
  const known = new Set(["period", "criteria", "limits"]);
  const rest = Object.entries(report).filter(([name]) => !known.has(name)).map(([name, value]) => [name, long(words(value), 300)]);
  const criteria = list(report.criteria);
  return [
    title,
    h("p", {}, "Evidence of the platform for the Trust Services Criteria of the AICPA, for an auditor to judge. It is no audit, and no certificate."),
    form,
    report.period?.since || report.period?.until
      ? h("p", { class: "hint" }, `From ${utc(new Date(report.period.since))} to ${utc(new Date(report.period.until))}.`) : null,
    criteria.length === 0 ? h("p", { class: "empty" }, "The report names no criteria.") : criteria.map(criterion),
    list(report.limits).length > 0 ? section("Limits of this report", h("ul", {}, list(report.limits).map((text) => h("li", { class: "wrap" }, words(text))))) : null,
    rest.length > 0 ? section("About this report", facts(...rest)) : null,
  ];
}
