// A new agent, by a form or by its document. What is wrong is shown beside the field that the platform names.

import { send } from "./api.js";
import { field, fill, h, select } from "./dom.js";
import { faultPanel, say, sentence } from "./messages.js";
import { go } from "./router.js";
import { session, whyNot } from "./session.js";

const example = `apiVersion: lobstack.dev/v1
kind: Agent
metadata:
  name: my-agent
spec:
  image: oci:/srv/images/my-agent:1.0
  tier: starter
  ports: {http: 8080}
  egress:
    - host: api.example.com
  response: quarantine
`;

function list(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}

function formFields() {
  const { tenant } = session();
  const input = (attributes = {}) => h("input", { autocomplete: "off", spellcheck: "false", ...attributes });
  const controls = {
    name: input({ name: "name", required: true, maxlength: 63 }),
    tenant: input({ name: "tenant", value: tenant ?? "default", readonly: Boolean(tenant) }),
    image: input({ name: "image", required: true }),
    tier: select(["starter", "standard", "performance", "enterprise"], "starter", { name: "tier" }),
    response: select([["alert", "alert: nothing more"], "freeze", "quarantine", "kill"], "alert", { name: "response" }),
    command: input({ name: "command" }),
    egress: h("textarea", { name: "egress", rows: 4, spellcheck: "false" }),
    ports: h("textarea", { name: "ports", rows: 2, spellcheck: "false" }),
    labels: h("textarea", { name: "labels", rows: 2, spellcheck: "false" }),
  };
  const boxes = {
    "metadata.name": field("Name", controls.name, { hint: "a-z, 0-9 and -, at most 63" }),
    "metadata.tenant": field("Tenant", controls.tenant, { hint: tenant ? "Your token is bound to it." : null }),
    "spec.image": field("Image", controls.image, { wide: true, hint: "oci:/path:tag, oci-archive:/path:tag, docker://host/name:tag or dir:/path" }),
    "spec.tier": field("Tier", controls.tier, { hint: "CPUs, memory and processes" }),
    "spec.response": field("Response to critical alerts", controls.response),
    "spec.command": field("Command (optional)", controls.command, { wide: true, hint: "Program and arguments, separated by spaces; for others use the document. Empty: the image's." }),
    "spec.egress": field("Hosts that it may reach", controls.egress, { hint: "One a line, on port 443: api.example.com or *.example.com. Empty: none." }),
    "spec.ports": field("Ports that it listens on", controls.ports, { hint: "One a line: http 8080" }),
    "metadata.labels": field("Labels", controls.labels, { hint: "One a line: team=support" }),
  };
  function pairs(text, separator) {
    return Object.fromEntries(text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
      const [name, ...rest] = line.split(separator);
      return [name, rest.join("=").trim()];
    }));
  }
  function document() {
    const ports = Object.entries(pairs(controls.ports.value, /[\s:=]+/)).map(([name, port]) => [name, /^\d+$/.test(port) ? Number(port) : port]);
    const spec = { image: controls.image.value.trim(), tier: controls.tier.value, response: controls.response.value };
    if (controls.command.value.trim()) spec.command = controls.command.value.trim().split(/\s+/);
    if (list(controls.egress.value).length > 0) spec.egress = list(controls.egress.value).map((host) => ({ host }));
    if (ports.length > 0) spec.ports = Object.fromEntries(ports);
    return JSON.stringify({
      apiVersion: "lobstack.dev/v1", kind: "Agent",
      metadata: { name: controls.name.value.trim(), tenant: controls.tenant.value.trim() || "default", labels: pairs(controls.labels.value, "=") }, spec,
    }, null, 2);
  }
  return { boxes, document };
}

/** The path of the field that a fault is about, `spec.egress[0].host`, and its line; from the place that it names. */
function placeOf(fault) {
  const match = fault.operation.match(/^read request body(?::(\d+))?(?: (\S+))?$/);
  return { line: match?.[1] ? Number(match[1]) : null, path: match?.[2] ?? null };
}

function boxFor(boxes, fault) {
  const path = placeOf(fault).path ?? Object.keys(boxes).find((name) => `${fault.reason} ${fault.operation}`.includes(name));
  return path ? Object.entries(boxes).find(([name]) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`))?.[1] : null;
}

export async function newAgentView() {
  const title = h("h1", {}, "New agent");
  const why = whyNot("operator", "Creating an agent");
  if (why) return [title, h("p", { class: "notice" }, why)];
  const { boxes, document } = formFields();
  const text = h("textarea", { name: "document", rows: 22, class: "code", spellcheck: "false", value: example });
  const textBox = field("Agent document, YAML or JSON", text, { wide: true });
  const fault = h("div", { id: "agent-fault" });
  const create = h("button", { type: "submit", class: "primary" }, "Create");
  const panels = [h("div", { class: "fields" }, Object.values(boxes)), h("div", { class: "fields" }, textBox)];
  let byForm = true;

  function choose(form) {
    // What the form says is the document's beginning, as long as nobody wrote another.
    if (!form && byForm && boxes["metadata.name"].querySelector("input").value) text.value = document();
    byForm = form;
    for (const [index, tab] of tabs.entries()) {
      const isChosen = form === (index === 0);
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panels[index].hidden = !isChosen;
      // A field that is not seen cannot be asked to be filled.
      for (const control of panels[index].querySelectorAll("input, textarea, select")) control.disabled = !isChosen;
    }
  }
  const tabs = ["Form", "YAML or JSON"].map((label, index) => h("button", {
    type: "button", role: "tab", id: `tab-${index}`, "aria-controls": `panel-${index}`,
    on: {
      click: () => choose(index === 0),
      keydown(event) {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        choose(index !== 0);
        tabs[1 - index].focus();
      },
    },
  }, label));
  for (const [index, panel] of panels.entries()) {
    panel.setAttribute("role", "tabpanel");
    panel.id = `panel-${index}`;
    panel.setAttribute("aria-labelledby", `tab-${index}`);
  }
  choose(true);

  function tell(error) {
    const { line, path } = error.fault ? placeOf(error.fault) : {};
    const box = !error.fault ? null : byForm ? boxFor(boxes, error.fault) : line ? textBox : null;
    if (!box) {
      fill(fault, faultPanel(error));
      return;
    }
    const where = byForm ? "" : `Line ${line}${path ? `, ${path}` : ""}: `;
    box.fail(`${where}${sentence(error.fault.reason)} ${sentence(error.fault.remedy)}`);
    const control = box.querySelector("input, textarea, select");
    control.focus();
    if (!byForm) selectLine(control, line);
  }

  const form = h("form", {
    class: "card",
    on: {
      async submit(event) {
        event.preventDefault();
        create.disabled = true;
        fill(fault);
        for (const box of [...Object.values(boxes), textBox]) box.fail(null);
        try {
          const response = await send("POST", "/v1/agents", {
            body: byForm ? document() : text.value, headers: { "content-type": byForm ? "application/json" : "application/yaml" },
          });
          const { metadata } = await response.json();
          say(`Agent ${metadata.tenant}/${metadata.name} is created.`);
          go(`/agents/${metadata.tenant}/${metadata.name}`);
        } catch (error) {
          tell(error);
        }
        create.disabled = false;
      },
    },
  }, h("div", { role: "tablist", class: "tabs", "aria-label": "How to write it" }, tabs), panels, fault, h("div", { class: "actions" }, create));
  return [h("p", { class: "back" }, h("a", { href: "#/agents" }, "Agents")), title, form];
}

function selectLine(area, line) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
