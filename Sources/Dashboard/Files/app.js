// The dashboard's beginning: who is logged in, the frame round the views, and the views themselves.

import { send } from "./api.js";
import { fill, h, svg } from "./dom.js";
import { showLogin } from "./view-login.js";
import { currentPath, leave, link, reload, route, show } from "./router.js";
import { session, setSession, whenLost } from "./session.js";
import { utc } from "./text.js";
import { platformView } from "./view-platform.js";
import { agentsView } from "./view-agents.js";
import { agentView } from "./view-agent.js";
import { newAgentView } from "./view-new-agent.js";
import { denialsView } from "./view-denials.js";
import { alertsView } from "./view-alerts.js";
import { auditView } from "./view-audit.js";
import { auditRecordView } from "./view-audit-record.js";
import { verifyView } from "./view-verify.js";
import { soc2View } from "./view-soc2.js";

route("/", "Platform", platformView);
route("/agents", "Agents", agentsView);
route("/agents/new", "New agent", newAgentView);
route("/agents/{tenant}/{name}", ({ tenant, name }) => `${tenant}/${name}`, agentView);
route("/denials", "Denials", denialsView);
route("/alerts", "Alerts", alertsView);
route("/audit", "Audit log", auditView);
route("/audit/{index}", ({ index }) => `Audit record ${index}`, auditRecordView);
route("/verify", "Verification", verifyView);
route("/verify/{id}", "Verification", verifyView);
route("/soc2", "SOC 2", soc2View);

const views = [
  ["/", "Platform"], ["/agents", "Agents"], ["/denials", "Denials"], ["/alerts", "Alerts"], ["/audit", "Audit log"],
  ["/verify", "Verification"], ["/soc2", "SOC 2"],
];

function frame() {
  const { name, role, tenant, expiresAt } = session();
  const mark = svg("svg", { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("circle", { cx: 16, cy: 16, r: 14 }), svg("circle", { cx: 16, cy: 16, r: 9 }), svg("circle", { cx: 16, cy: 16, r: 4, class: "core" }));
  fill(document.getElementById("header"),
    h("a", { class: "brand", href: "#/" }, mark, "Lobstack"),
    h("nav", { id: "nav", "aria-label": "Views" }, views.map(([path, title]) => h("a", { href: link(path) }, title))),
    h("div", { class: "account" },
      h("p", {}, h("strong", {}, name), h("span", {}, `${role}${tenant ? ` of ${tenant}` : ""}`),
        expiresAt ? h("span", { class: "hint" }, `until ${utc(new Date(expiresAt))}`) : null),
      h("button", { type: "button", id: "logout", on: { click: logOut } }, "Log out")));
  document.getElementById("header").hidden = false;
}

function markPlace() {
  const path = currentPath();
  for (const anchor of document.querySelectorAll("#nav a")) {
    const own = anchor.getAttribute("href").slice(1);
    const isHere = own === "/" ? path === "/" : path === own || path.startsWith(`${own}/`);
    if (isHere) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
}

async function logOut() {
  try {
    await send("DELETE", "/v1/session");
  } catch {
    // Whoever is not logged in any more has what they want; any other fault the next login tells.
  }
  setSession(null);
  location.hash = "";
  askWhoItIs("You are logged out.");
}

function askWhoItIs(reason) {
  leave();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.getElementById("header").hidden = true;
  showLogin(reason, begin);
}

function begin() {
  frame();
  reload();
}

whenLost(() => askWhoItIs("Your session is over. Log in to go on where you were."));
addEventListener("hashchange", () => session() && show());
addEventListener("lobstack-shown", markPlace);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

try {
  setSession(await (await send("GET", "/v1/session")).json());
  begin();
} catch (error) {
  askWhoItIs(error.status === 401 ? null : error);
}
