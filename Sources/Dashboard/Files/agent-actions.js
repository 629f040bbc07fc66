// What a person can do with an agent: start, stop, respond, delete. Each is asked about with the agent's name.

import { agentPath, post, send } from "./api.js";
import { h } from "./dom.js";
import { confirm, say } from "./messages.js";
import { may, whyNot } from "./session.js";

const responses = {
  freeze: {
    label: "Freeze", text: "Its processes are stopped where they are. Starting it runs it anew, with its workspace.",
    done: "is being frozen",
  },
  quarantine: {
    label: "Quarantine", text: "Its network is cut and its secrets are taken away. It runs on, to be looked at.",
    done: "is being quarantined",
  },
  kill: {
    label: "Kill", text: "Its processes are ended at once, without notice. Its workspace stays.", done: "is being killed",
  },
};

function button(label, id, { title, text, danger, done, action }, after) {
  return h("button", {
    type: "button", class: danger ? "danger" : "", disabled: !may("operator"),
    on: {
      async click() {
        if (!await confirm(title, { text, danger, button: label, action })) return;
        say(`${id} ${done}.`);
        after?.();
      },
    },
  }, label);
}

/** Freeze, quarantine and kill. */
export function responseButtons(id, after) {
  return Object.entries(responses).map(([response, { label, text, done }]) =>
    button(label, id, {
      title: `${label} agent ${id}?`, text, done, danger: response === "kill",
      action: () => post(agentPath(id, "respond"), { response }, { repeats: true }),
    }, after));
}

export function agentActions(id, phase, after, afterDelete) {
  const runs = ["Running", "Starting", "Pending"].includes(phase);
  return h("div", { class: "actions", role: "group", "aria-label": `Actions on ${id}` },
    runs ? null : button("Start", id, {
      title: `Start agent ${id}?`, done: "is being started", action: () => post(agentPath(id, "start"), undefined, { repeats: true }),
      text: phase === "Quarantined" ? "It is run anew, with its workspace, its network and its secrets." : "It is run again, with its workspace.",
    }, after),
    phase === "Stopped" ? null : button("Stop", id, {
      title: `Stop agent ${id}?`, done: "is being stopped", action: () => post(agentPath(id, "stop"), undefined, { repeats: true }),
      text: "Its program is ended with ten seconds' notice. Its workspace stays.",
    }, after),
    runs ? responseButtons(id, after) : null,
    button("Delete", id, {
      title: `Delete agent ${id}?`, danger: true, done: "is being deleted",
      text: "The agent is removed with its workspace, whose key is destroyed. Nobody can bring it back.",
      action: () => send("DELETE", agentPath(id)),
    }, afterDelete),
    roleNote("To change agents"));
}

/** Says why buttons are off, or nothing. */
export function roleNote(what, role = "operator") {
  const why = whyNot(role, what);
  return why ? h("p", { class: "hint" }, why) : null;
}
