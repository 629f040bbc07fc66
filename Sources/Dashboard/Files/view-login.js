// The login: a token of the platform is changed for a session, and not kept.

import { send } from "./api.js";
import { field, fill, h } from "./dom.js";
import { faultPanel } from "./messages.js";
import { setSession } from "./session.js";

/** `reason` is a text, or an error; `done` is called once somebody is logged in. */
export function showLogin(reason, done) {
  const token = h("input", {
    type: "password", name: "token", required: true, autocomplete: "current-password", spellcheck: "false",
  });
  const box = field("Token", token, { hint: "It begins with lob_. An administrator makes one: lobstack token create NAME --role operator" });
  const fault = h("div", { id: "login-fault" });
  const button = h("button", { type: "submit", class: "primary" }, "Log in");
  const form = h("form", {
    class: "login card", "aria-labelledby": "login-title",
    on: {
      async submit(event) {
        event.preventDefault();
        button.disabled = true;
        fill(fault);
        try {
          const headers = { authorization: `Bearer ${token.value.trim()}` };
          const response = await send("POST", "/v1/session", { headers });
          setSession(await response.json());
          done();
        } catch (error) {
          fill(fault, faultPanel(error));
          token.select();
          token.focus();
        } finally {
          button.disabled = false;
        }
      },
    },
  },
  h("h1", { id: "login-title" }, "Log in to Lobstack"),
  typeof reason === "string" ? h("p", { role: "status" }, reason) : reason ? faultPanel(reason) : null,
  box, fault, button,
  h("p", { class: "hint" }, "The token is sent once and not kept in this browser. The session ends by itself."));
  document.title = "Log in · Lobstack";
  const main = document.getElementById("main");
  main.removeAttribute("aria-busy");
  fill(main, form);
  token.focus();
}
