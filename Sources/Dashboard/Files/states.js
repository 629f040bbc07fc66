// The words of the API's states, with their shapes.

import { badge } from "./dom.js";

export const priorities = ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];

export function priorityBadge(priority) {
  const rank = priorities.indexOf(priority);
  return badge(rank < 0 ? "none" : rank <= 2 ? "bad" : rank <= 4 ? "warn" : "none", priority);
}

export function phaseBadge(phase) {
  const shapes = { Running: "good", Failed: "bad", Quarantined: "held", Pending: "wait", Starting: "wait" };
  return badge(shapes[phase] ?? "none", phase);
}

export function layerBadge(state) {
  return badge({ enforced: "good", failed: "bad" }[state] ?? "none", state);
}

export function verdictBadge(verdict) {
  return badge({ PROVEN: "good", FAILED: "bad", WAIVED: "warn" }[verdict] ?? "none", verdict.toLowerCase());
}

export function outcomeBadge(outcome) {
  const shape = { denied: "bad", failed: "bad", refused: "bad", allowed: "good", done: "good" }[outcome];
  return badge(shape ?? "none", outcome);
}

/** `kill, done`: what was to be done about an alert's agent, and what became of it. */
export function responseBadge(alert) {
  if (alert.responseState === "none" || alert.response === "alert") return badge("none", "alert only");
  const shape = { done: "good", failed: "bad", pending: "wait" }[alert.responseState];
  return badge(shape ?? "none", `${alert.response}, ${alert.responseState}`);
}
