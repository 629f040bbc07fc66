// The seven layers and the control plane: what attacks proved of each, and whether what enforces it is ready.

/** `checks` is the layer as verification reports name it, `components` those of the platform's status. */
export const layers = [
  { id: "sandbox", name: "Sandbox", checks: "isolation", components: ["node"], what: "gVisor between the agent and this machine's kernel" },
  { id: "network", name: "Network", checks: "network", components: ["proxy", "resolver"], what: "only listed hosts are reached, and nothing reaches in" },
  { id: "identity", name: "Identity", checks: "identity", components: ["gateway", "proxy"], what: "certificates of each agent's own, TLS 1.3 between all parts" },
  { id: "secrets", name: "Secrets", checks: "secrets", components: ["vault"], what: "each agent reads its own alone; keys stay out of sandboxes" },
  { id: "admission", name: "Admission", checks: "admission", components: ["admission"], what: "policies refuse what must not be created" },
  { id: "detection", name: "Detection", checks: "detection", components: ["sentinel"], what: "attacks in a sandbox raise alerts and are answered" },
  { id: "audit", name: "Audit", checks: "audit", components: ["audit"], what: "what is decided is recorded first, and cannot be changed later" },
  { id: "control-plane", name: "Control plane", checks: "reliability", components: ["control-plane", "node"], what: "the platform comes back by itself, and its agents run on" },
];

/** A proof older than this is not taken for one. */
const freshness = 24 * 3600 * 1000;

/** Nor is one of a time that has not come, but for clocks of browser and platform that differ. */
const clockTolerance = 3600 * 1000;

/**
 * The newest result of each check: those of the newest quick or full run, and of runs of chosen checks since then.
 * Without a quick or full run, what failed is all that chosen checks tell of a layer. `runs` are newest first.
 */
export function newestChecks(runs) {
  const checks = new Map();
  for (const run of runs) {
    for (const check of run.report.checks) {
      if (!checks.has(check.id)) checks.set(check.id, { ...check, at: run.startedAt });
    }
    if (["quick", "full"].includes(run.tier)) return [...checks.values()];
  }
  return [...checks.values()].filter((check) => check.verdict === "FAILED");
}

/**
 * How a layer is: `{state, word, why, checks, at}` with the state `good`, `bad` or `none`.
 *
 * Good needs every check of the layer proven within a day and every component ready. What is not known is never good.
 */
export function layerState(layer, checks, components, now = Date.now()) {
  const own = checks?.filter((check) => check.layer === layer.checks) ?? [];
  const parts = layer.components.map((name) =>
    components.find((part) => part.name === name) ?? { name, state: "unknown", detail: "the status does not name it" });
  const failed = own.filter((check) => check.verdict === "FAILED");
  const open = own.filter((check) => check.verdict !== "PROVEN" && check.verdict !== "FAILED");
  const times = own.map((check) => new Date(check.at).getTime());
  const at = own.length > 0 ? Math.min(...times) : null;
  const found = { checks: own, parts, at };
  const broken = parts.find((part) => part.state === "down");
  if (failed.length > 0) {
    return { ...found, state: "bad", word: "failed", why: `${failed.map((check) => check.id).join(", ")} failed` };
  }
  if (broken) return { ...found, state: "bad", word: "down", why: `${broken.name}: ${broken.detail}` };
  const unready = parts.find((part) => part.state !== "ready");
  if (unready) return { ...found, state: "none", word: "not proven", why: `${unready.name} is ${unready.state}: ${unready.detail}` };
  if (!checks) return { ...found, state: "none", word: "not shown", why: "the checks need the role admin" };
  if (own.length === 0) return { ...found, state: "none", word: "not proven", why: "no run has checked it" };
  if (open.length > 0) {
    const names = open.map((check) => `${check.id} is ${check.verdict.toLowerCase()}`);
    return { ...found, state: "none", word: "not proven", why: names.join(", ") };
  }
  if (!(now - at < freshness)) return { ...found, state: "none", word: "not proven", why: "the proof is older than a day" };
  if (!(Math.max(...times) - now < clockTolerance)) {
    return { ...found, state: "none", word: "not proven", why: "the proof is of a time that has not come: a clock was set back" };
  }
  return { ...found, state: "good", word: "proven", why: `${own.length} of ${own.length} checks` };
}
