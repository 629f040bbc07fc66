// The SOC 2 report: criteria, controls, evidence, deviations, and what the platform cannot say.

import { get } from "./api.js";
import { badge, exactTime, facts, h, section } from "./dom.js";
import { go, link } from "./router.js";
import { may, whyNot } from "./session.js";
import { utc } from "./text.js";

const states = {
  evidenced: ["good", "evidenced"], partlyEvidenced: ["warn", "partly evidenced"], failed: ["bad", "failed in the period"],
  noEvidence: ["none", "no evidence"], noOccurrence: ["none", "did not happen"],
};

function state(status) {
  return badge(...(states[status] ?? ["none", String(status)]));
}

/** Where it can be read: the audit record, and the run of the verification that it tells of. */
function reference(found) {
  if (!found) return null;
  return [
    h("a", { href: link(`/audit/${found.auditIndex}`) }, `record ${found.auditIndex}`),
    found.verification ? [" ", h("a", { href: link(`/verify/${found.verification}`) }, "run")] : null,
  ];
}

function piece(found) {
  return h("li", { class: "wrap" }, exactTime(found.time), " ", found.text, " ", reference(found.reference));
}

/** `count` says how many there are; the list has the first and the last of many. */
function pieces(found, count, noun) {
  if (found.length === 0) return null;
  const more = count > found.length ? `, of which ${found.length} are listed` : "";
  return h("details", {}, h("summary", {}, `${count} ${noun}${more}`), h("ul", { class: "evidence" }, found.map(piece)));
}

function control(found) {
  return h("li", {},
    h("p", {}, h("strong", {}, found.id), " ", found.title, " ", state(found.status)),
    found.reason ? h("p", { class: "hint wrap" }, found.reason) : null,
    found.tags.length > 0 ? h("p", { class: "hint wrap" }, found.tags.join(" · ")) : null,
    pieces(found.evidence, found.count, "pieces of evidence"));
}

function criterion(found) {
  return h("section", { class: "card" },
    h("h2", {}, `${found.id} ${found.title} `, state(found.status)),
    found.controls.length > 0 ? h("ul", { class: "controls" }, found.controls.map(control))
      : h("p", { class: "hint" }, "No control of the platform serves it."),
    found.limits.length > 0 ? [h("h3", {}, "What the platform cannot say"), words(found.limits)] : null);
}

function words(texts) {
  return h("ul", {}, texts.map((text) => h("li", { class: "wrap" }, text)));
}

function deviation(found) {
  return h("li", {}, h("p", {}, h("strong", {}, found.title)), pieces(found.items, found.count, "times"));
}

function about(report) {
  const log = report.log;
  return section("What it was made from", facts(
    ["Instance", report.platform.instance], ["Version", report.platform.version], ["Admission policies", report.platform.policies],
    ["Made at", utc(new Date(report.madeAt))], ["Records read", `${log.from} to ${log.to}, of ${log.size}`],
    ["Root of the log", log.rootHash], ["Verifier key", log.verifierKey], ["Second key", log.cosignerKey]));
}

function choice(query, period) {
  const since = h("input", { type: "date", name: "since", value: (query.since ?? period.since).slice(0, 10) });
  const until = h("input", { type: "date", name: "until", value: (query.until ?? period.until).slice(0, 10) });
  return h("form", {
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
}

export async function soc2View({ query, signal }) {
  const title = h("h1", {}, "SOC 2");
  if (!may("admin")) return [title, h("p", { class: "notice" }, whyNot("admin", "Reading the report"))];
  const report = await get("/v1/reports/soc2", { since: query.since, until: query.until }, signal);
  return [
    title,
    h("p", {}, "Evidence of the platform for the Trust Services Criteria of the AICPA, for an auditor to judge. It is no audit, and no certificate."),
    choice(query, report.period),
    h("p", { class: "hint" }, `From ${utc(new Date(report.period.since))} to ${utc(new Date(report.period.until))}.`),
    report.criteria.map(criterion),
    report.deviations.length > 0 ? section("Deviations", h("ul", { class: "controls" }, report.deviations.map(deviation))) : null,
    section("Limits of this report", words(report.limits)),
    about(report),
  ];
}
