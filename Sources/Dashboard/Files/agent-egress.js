// What one agent may reach, and what it was refused, with the buttons that change it.

import { agentID } from "./api.js";
import { attempt, explain, grouped } from "./denial-words.js";
import { badge, exactTime, h, long, time } from "./dom.js";
import { askToAllow, close, isOver, ruleFor } from "./egress.js";
import { confirm, say } from "./messages.js";
import { may } from "./session.js";
import { number } from "./text.js";
import { table } from "./table.js";

/** Rows at most; the denials' own view has all. */
const mostRows = 20;

/** The hosts that an agent may reach, each with a button that closes it. */
export function allowed(agent, again) {
  const id = agentID(agent);
  return table("Hosts that the agent may reach", ["Host", "How", "Until", "Change"], agent.spec.egress.map((rule) => {
    const ways = rule.credential ? [`with secret ${rule.credential.secret} in header ${rule.credential.header}`,
      rule.methods?.length ? `methods ${rule.methods.join(", ")}` : null,
      rule.paths?.length ? `paths ${rule.paths.join(", ")}` : null].filter(Boolean).join("; ") : "HTTPS, untouched";
    const until = rule.expires === undefined ? "without end"
      : h("span", {}, badge(isOver(rule) ? "none" : "wait", isOver(rule) ? "over" : "open"), " ", exactTime(rule.expires));
    return [long(rule.host, 80), long(ways, 120), until, h("button", {
      type: "button", disabled: !may("operator"), "aria-label": `Close ${rule.host}`,
      on: {
        async click() {
          const done = await confirm(`Close ${rule.host}?`, {
            text: `Agent ${id} may not reach ${rule.host} any more, while it runs.`, button: "Close", action: () => close(id, rule.host),
          });
          if (done) {
            say(`${rule.host} is closed for ${id}.`);
            again();
          }
        },
      },
    }, "Close")];
  }), { empty: "None: the agent reaches no host." });
}

/** What the agent was refused, the newest first, with buttons for what one click can allow. */
export function denied(agent, denials, again) {
  const id = agentID(agent);
  return table("What the agent was refused", ["What", "Why", "Last", "Times", "Allow"], grouped(denials).slice(0, mostRows).map((denial) => {
    const { title, advice, host } = explain(denial);
    const isOpen = host && ruleFor(agent, host);
    return [h("span", { class: "wrap" }, attempt(denial)), h("span", {}, title, h("span", { class: "hint block" }, advice)),
      time(denial.time), number(denial.count),
      isOpen ? badge("good", "allowed now") : host ? h("button", {
        type: "button", disabled: !may("operator"), "aria-label": `Allow ${host}`,
        on: { click: async () => await askToAllow(id, host) && again() },
      }, "Allow") : "–"];
  }), { empty: "Nothing that is still known." });
}
