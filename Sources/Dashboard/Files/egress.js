// Changes of one agent's egress: read it with its ETag, change the list, write it back if nobody else did meanwhile.

import { agentPath, getTagged, Problem, send } from "./api.js";
import { field, h, select } from "./dom.js";
import { confirm, say } from "./messages.js";

const periods = [
  ["3600", "for 1 hour"], ["86400", "for 24 hours"], ["604800", "for 7 days"], ["", "without end"],
];

/** The document of an agent as somebody would write it: what the platform adds is left out. */
export function documentOf(agent) {
  const { name, tenant, labels } = agent.metadata;
  return { apiVersion: agent.apiVersion, kind: agent.kind, metadata: { name, tenant, labels }, spec: agent.spec };
}

/** Whether a rule's host, a name or `*.name`, covers the host. */
function covers(pattern, host) {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : pattern === host;
}

export function isOver(rule, now = Date.now()) {
  return rule.expires !== undefined && new Date(rule.expires).getTime() <= now;
}

/** The rule that lets the host pass now, or undefined. */
export function ruleFor(agent, host) {
  return agent.spec.egress.find((rule) => covers(rule.host, host) && !isOver(rule));
}

/** `change` is given the list and returns another; a second attempt is made when somebody else wrote meanwhile. */
async function write(id, change) {
  for (let attempt = 1; ; attempt += 1) {
    const { value: agent, etag } = await getTagged(agentPath(id));
    const egress = change(agent.spec.egress, agent);
    if (!egress) return agent;
    const document = documentOf(agent);
    document.spec = { ...document.spec, egress };
    try {
      const response = await send("PUT", agentPath(id), {
        body: JSON.stringify(document), headers: { "if-match": etag },
      });
      return await response.json();
    } catch (error) {
      if (!(error instanceof Problem) || ![409, 412].includes(error.status) || attempt > 2) throw error;
    }
  }
}

/** A time as the document has it: `2026-12-01T12:00:00Z`. */
function expiry(seconds, now = Date.now()) {
  return `${new Date(now + seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** Opens a host; `seconds` is how long, or null for without end. An expired rule of the host is replaced. */
function allow(id, host, seconds) {
  return write(id, (rules) => {
    if (rules.some((rule) => covers(rule.host, host) && !isOver(rule))) return null;
    const rule = seconds ? { host, expires: expiry(seconds) } : { host };
    return [...rules.filter((other) => other.host !== host), rule];
  });
}

export function close(id, host) {
  return write(id, (rules) => rules.filter((rule) => rule.host !== host));
}

/** Asks how long, then opens the host. Returns whether it was done. */
export async function askToAllow(id, host) {
  const period = select(periods, "86400", { name: "period" });
  const done = await confirm(`Allow ${host}?`, {
    text: `Agent ${id} may then reach ${host} on port 443 (HTTPS). It takes effect while the agent runs, and is recorded in the audit log with your name.`,
    content: [field("How long", period, { hint: "After that the rule is closed again by itself." }),
      h("p", { class: "hint" }, "Allow only what the agent needs: everything in its workspace can be sent there.")],
    button: "Allow",
    action: () => allow(id, host, period.value ? Number(period.value) : null),
  });
  if (done) say(`${id} may reach ${host}.`);
  return done;
}
