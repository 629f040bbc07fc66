// Alerts as they come: those that are stored, and then a stream, which is taken up again when it breaks off.

import { follow } from "./alert-stream.js";
import { get } from "./api.js";
import { alertRow, alertTable, showAlert } from "./alert-table.js";
import { badge, fill, h, select } from "./dom.js";
import { announce, say } from "./messages.js";
import { priorities } from "./states.js";
import { go, link } from "./router.js";
import { plural } from "./text.js";
import { pages } from "./table.js";

/** Rows in the page at most; older ones are a page away. */
const mostRows = 200;

export async function alertsView({ query, signal }) {
  const filter = { priority: query.priority, agent: query.agent, rule: query.rule };
  const page = await get("/v1/alerts", { ...filter, limit: 100, cursor: query.cursor }, signal);
  const state = h("span", { role: "status" });
  const list = h("div", {}, alertTable(page.items));
  const priority = select([["", "any priority"], ...priorities.map((name) => [name, `${name} and worse`])], query.priority ?? "", { name: "priority", "aria-label": "Priority" });
  const agent = h("input", { name: "agent", value: query.agent ?? "", placeholder: "tenant/name", autocomplete: "off", spellcheck: "false" });
  const rule = h("input", { name: "rule", value: query.rule ?? "", autocomplete: "off", spellcheck: "false" });
  const form = h("form", {
    class: "filters", role: "search",
    on: {
      submit(event) {
        event.preventDefault();
        go("/alerts", { priority: priority.value, agent: agent.value.trim(), rule: rule.value.trim() });
      },
    },
  }, h("label", {}, "Priority ", priority), h("label", {}, "Agent ", agent), h("label", {}, "Rule ", rule), h("button", { type: "submit" }, "Filter"));
  priority.addEventListener("change", () => form.requestSubmit());

  const rows = new Map(page.items.map((alert) => [alert.id, alert]));
  let paused = false;
  let missed = 0;
  const pause = h("button", {
    type: "button", "aria-pressed": "false",
    on: {
      async click() {
        paused = !paused;
        pause.setAttribute("aria-pressed", String(paused));
        fill(pause, "Pause");
        if (!paused && missed > 0) await catchUp();
        missed = 0;
      },
    },
  }, "Pause");

  function put(alert) {
    const body = list.querySelector("tbody");
    if (!body) {
      rows.set(alert.id, alert);
      fill(list, alertTable([alert]));
      return;
    }
    const old = rows.has(alert.id) ? [...body.rows].find((row) => row.dataset.id === alert.id) : null;
    const row = alertRow(alert);
    const hadFocus = old?.contains(document.activeElement);
    if (old) old.replaceWith(row);
    else body.insertBefore(row, [...body.rows].find((other) => other.dataset.time <= alert.time) ?? null);
    if (hadFocus) row.querySelector("button")?.focus();
    rows.set(alert.id, alert);
    if (!old) row.classList.add("new");
    while (body.rows.length > mostRows) {
      rows.delete(body.rows[body.rows.length - 1].dataset.id);
      body.deleteRow(body.rows.length - 1);
    }
  }

  // A flood is drawn once a frame, not once an alert.
  let waiting = [];
  function take(alert) {
    if (paused) {
      missed += 1;
      fill(pause, `Paused: ${plural(missed, "alert")} came`);
      return;
    }
    waiting.push(alert);
    if (waiting.length > 1) return;
    setTimeout(() => {
      const [found, fresh] = [waiting.slice(-mostRows), waiting.filter((one) => !rows.has(one.id)).length];
      waiting = [];
      if (signal.aborted) return;
      for (const one of found) put(one);
      if (fresh > 0) announce(`${plural(fresh, "new alert")}: ${found.at(-1).rule}, ${found.at(-1).priority}.`);
    }, 250);
  }

  async function catchUp() {
    const { items } = await get("/v1/alerts", { ...filter, limit: 100 }, signal);
    if (paused || signal.aborted) return;
    for (const alert of items.reverse()) {
      if (JSON.stringify(rows.get(alert.id)) !== JSON.stringify(alert)) put(alert);
    }
  }

  if (query.cursor) {
    fill(state, badge("none", "Older alerts"));
  } else {
    fill(state, badge("wait", "Connecting"));
    follow(filter, signal, { take, catchUp, tell: (shape, words) => fill(state, badge(shape, words)) });
  }
  if (query.alert) openFrom(query.alert, page.items);

  return [
    h("div", { class: "title" }, h("h1", {}, "Alerts"), state, query.cursor ? null : pause), form, list,
    pages({
      first: query.cursor ? link("/alerts", filter) : null,
      next: page.next ? link("/alerts", { ...filter, cursor: page.next }) : null,
    }),
  ];
}

function openFrom(id, alerts) {
  const alert = alerts.find((one) => one.id === id);
  if (alert) queueMicrotask(() => showAlert(alert));
  else say("The alert is not among the newest.");
}
