// Why requests of agents were denied, in plain words, and the button that allows one.

import { roleNote } from "./agent-actions.js";
import { agentPath, get } from "./api.js";
import { attempt, explain, grouped } from "./denial-words.js";
import { badge, exactTime, facts, fill, h, select, time } from "./dom.js";
import { askToAllow, ruleFor } from "./egress.js";
import { announce, showDialog } from "./messages.js";
import { link } from "./router.js";
import { may } from "./session.js";
import { number, plural } from "./text.js";
import { pages, table } from "./table.js";

/** Agents of a page that are asked whether they may reach the host by now. */
const mostAsked = 25;

function details(denial) {
  const { title, why, advice } = explain(denial);
  showDialog(title,
    h("p", {}, why), h("p", {}, advice),
    facts(["Agent", denial.agent ?? "nobody's"], ["What was tried", attempt(denial)], ["Host", denial.host],
      ["Method or record type", [...denial.methods].join(", ")], ["Path", denial.path],
      ["From", denial.source], ["To", denial.destination], ["Port", denial.port], ["Protocol", denial.protocol],
      ["Interface", denial.interface], ["Newest", exactTime(denial.time)], ["Oldest on this page", exactTime(denial.first)],
      ["Times", number(denial.count)], ["Refused by rule", denial.rule], ["In its own words", denial.details], ["Remedy", denial.remedy]));
}

/** The agents of the denials that one click could allow, by their ids. Those that are gone are left out. */
async function agentsOf(denials, signal) {
  const ids = [...new Set(denials.filter((denial) => explain(denial).host).map((denial) => denial.agent))].slice(0, mostAsked);
  const found = await Promise.allSettled(ids.map((id) => get(agentPath(id), {}, signal)));
  return new Map(ids.map((id, index) => [id, found[index].value ?? (found[index].reason?.status === 404 ? null : undefined)]));
}

function remedy(denial, agents, again) {
  const { host, advice } = explain(denial);
  const agent = agents.get(denial.agent);
  if (!host) return h("span", { class: "hint" }, advice);
  if (agent === null) return h("span", { class: "hint" }, "The agent does not exist any more.");
  if (agent && ruleFor(agent, host)) {
    return h("span", {}, badge("good", "Allowed now"), " ",
      h("a", { href: link(`/agents/${denial.agent}`) }, "its egress"));
  }
  return h("div", { class: "allow" }, h("span", { class: "hint" }, advice),
    h("button", {
      type: "button", class: "primary", disabled: !may("operator"), "data-allow": host,
      on: { click: async () => await askToAllow(denial.agent, host) && again() },
    }, `Allow ${host.length > 40 ? "this host" : host}`));
}

export async function denialsView({ query, signal }) {
  const search = h("input", { type: "search", name: "search", value: query.search ?? "", autocomplete: "off", spellcheck: "false" });
  const kind = select([["", "all"], ["can", "that can be allowed here"]], query.kind ?? "", { name: "kind" });
  const results = h("div");
  const page = await get("/v1/denials", { limit: 300, cursor: query.cursor }, signal);

  function matching() {
    const text = search.value.trim().toLowerCase();
    return grouped(page.items).filter((denial) => !kind.value || explain(denial).host).filter((denial) => !text
      || [denial.agent, denial.host, denial.destination, denial.rule, explain(denial).title, denial.path]
        .some((value) => value?.toLowerCase().includes(text)));
  }

  async function render() {
    const denials = matching();
    const agents = await agentsOf(denials, signal);
    if (signal.aborted) return;
    const row = document.activeElement?.closest("main tr")?.rowIndex;
    fill(results, table("Denials", ["What was tried", "Agent", "Why it was denied", "When", "If it was meant to be allowed"],
      denials.map((denial) => {
        const { title, why } = explain(denial);
        return [
          h("button", { type: "button", class: "rowlink", on: { click: () => details(denial) } }, attempt(denial).slice(0, 140)),
          denial.agent ? h("a", { href: link(`/agents/${denial.agent}`), class: "wrap" }, denial.agent) : "nobody's",
          h("span", {}, h("strong", { class: "block" }, title), h("span", { class: "hint" }, why)),
          h("span", {}, time(denial.time), denial.count > 1 ? h("span", { class: "hint block" }, plural(denial.count, "time")) : null),
          remedy(denial, agents, render),
        ];
      }), { empty: search.value || kind.value ? "No denial on this page matches." : "Nothing was denied." }),
    pages({
      first: query.cursor ? link("/denials", { search: search.value, kind: kind.value }) : null,
      next: page.next ? link("/denials", { cursor: page.next, search: search.value, kind: kind.value }) : null,
      text: `${plural(page.items.length, "denial")} on this page, newest first, like ones together`,
    }));
    announce(plural(denials.length, "kind of denial", "kinds of denials"));
    // Whoever was in a row by keyboard is there again.
    if (row) results.querySelector("table")?.rows[row]?.querySelector("button")?.focus();
  }

  let timer;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(render, 200);
  });
  kind.addEventListener("change", render);
  await render();
  return [
    h("h1", {}, "Denials"),
    h("p", {}, "What agents tried and were refused. An agent reaches only the hosts that are listed in its egress; everything else is closed. ",
      "If a request was meant, allow its host here: it takes effect at once."),
    h("form", { class: "filters", role: "search", on: { submit: (event) => { event.preventDefault(); render(); } } },
      h("label", {}, "Show ", kind), h("label", {}, "Search ", search), h("span", { class: "hint" }, "for an agent, a host or a reason, on this page")),
    roleNote("To allow a host"), results,
  ];
}
