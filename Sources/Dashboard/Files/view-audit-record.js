// One audit record, and the proof that it is in the log, checked in this browser.

import { get } from "./api.js";
import { checkProof } from "./audit-proof.js";
import { badge, exactTime, facts, field, fill, h, long, section } from "./dom.js";
import { faultPanel } from "./messages.js";
import { outcomeBadge } from "./states.js";
import { link } from "./router.js";
import { may, whyNot } from "./session.js";

function result(steps, kept) {
  const failed = steps.filter((step) => step.holds === false);
  const unknown = steps.filter((step) => step.holds === null);
  const [shape, words] = failed.length > 0 ? ["bad", "The proof does not hold"]
    : unknown.length > 0 ? ["warn", "Not everything could be checked"] : ["good", "The proof holds"];
  return [
    h("p", { class: "verdict", id: "proof-result" }, badge(shape, words)),
    h("ol", { class: "steps" }, steps.map(({ title, holds, words: detail }) => h("li", {},
      badge(holds === null ? "warn" : holds ? "good" : "bad", holds === null ? "not checked" : holds ? "holds" : "does not hold"),
      " ", h("strong", {}, title), h("span", { class: "hint block wrap" }, detail)))),
    failed.length > 0 ? h("p", {}, "The answer was changed, or the log was. Run lobstack audit verify on the machine, and compare with a checkpoint kept elsewhere.") : null,
    kept ? null : h("p", { class: "hint" }, "The key came with the answer. Give one that you kept elsewhere, and the signature says more."),
  ];
}

export async function auditRecordView({ index, signal }) {
  const title = h("h1", {}, `Audit record ${index}`);
  if (!may("admin")) return [title, h("p", { class: "notice" }, whyNot("admin", "Reading the audit log"))];
  if (!/^\d{1,15}$/.test(index)) return [title, h("p", { class: "notice" }, "The number of a record is a whole number.")];
  const { items: [record] } = await get("/v1/audit", { from: index, limit: 1 }, signal);
  if (!record || String(record.index) !== index) return [title, h("p", { class: "notice" }, "There is no record of this number.")];
  const key = h("input", { name: "key", autocomplete: "off", spellcheck: "false" });
  const place = h("div", { "aria-live": "polite" });
  const check = h("button", {
    type: "button", class: "primary", id: "check-proof",
  }, "Check the proof in this browser");
  check.addEventListener("click", async () => {
    check.disabled = true;
    fill(place, "Checking …");
    try {
      const proof = await get("/v1/audit/proof", { index }, signal);
      fill(place, result(await checkProof(proof, BigInt(index), key.value.trim()), key.value.trim()));
    } catch (error) {
      if (!signal.aborted) fill(place, error.fault ? faultPanel(error) : h("p", { class: "notice" }, badge("bad", "The proof does not hold"), ` The answer is malformed: ${error.message}.`));
    }
    check.disabled = false;
  });
  return [
    h("p", { class: "back" }, h("a", { href: link("/audit") }, "Audit log")),
    title,
    section("Record", facts(
      ["When", exactTime(record.time)], ["Who", long(record.actor, 200)], ["Action", record.action], ["On what", long(record.target, 200)],
      ["Outcome", outcomeBadge(record.outcome)],
      ...Object.entries(record.details).map(([name, value]) => [name, long(value, 300)]),
      ["Leaf hash", h("code", {}, record.leafHash)])),
    section("Proof",
      h("p", {}, "The record's hash is recomputed from its bytes, and the path from it to the root that the platform signed, by your browser's own cryptography."),
      field("Verifier key that you kept (optional)", key, { wide: true, hint: "As lobstack audit checkpoint -o json printed it. Without it, the key that the platform sends is taken." }),
      check, place,
      h("details", {}, h("summary", {}, "What this proves, and what it does not"),
        h("p", {}, "If it holds, exactly this record is at this place in a log that the holder of the key signed: it was not changed since, and nothing before it was left out or moved without changing the root."),
        h("p", {}, "It does not prove that what happened was recorded truly. This page comes from the platform too: whoever controls the platform and its key could show another log and another page. Against that, keep checkpoints and the key on another machine, and check there: lobstack audit verify --checkpoint, lobstack audit prove --key."))),
    h("nav", { class: "pages", "aria-label": "Records" },
      Number(index) > 0 ? h("a", { class: "button", href: link(`/audit/${Number(index) - 1}`) }, "Record before") : null,
      h("a", { class: "button", href: link(`/audit/${Number(index) + 1}`) }, "Record after")),
  ];
}
