// What the page tells beside its views: faults, short messages, questions before something is done.

import { Problem } from "./api.js";
import { fill, h, icon } from "./dom.js";

/** A fault with its remedy. */
export function faultPanel(error) {
  const fault = error instanceof Problem ? error.fault : {
    operation: "show this", reason: error.message, remedy: "reload the page; if it stays so, tell whoever runs it",
  };
  return h("div", { class: "fault", role: "alert" }, icon("bad"),
    h("div", {},
      h("p", { class: "reason" }, `${sentence(fault.reason)}`),
      fault.remedy ? h("p", {}, h("strong", {}, "What to do: "), fault.remedy) : null,
      h("p", { class: "hint" }, `While trying to ${fault.operation}.`)));
}

export function sentence(text) {
  const whole = String(text);
  return `${whole.charAt(0).toUpperCase()}${whole.slice(1)}${/[.!?:…]$/.test(whole) ? "" : "."}`;
}

/** A message that goes by itself; assistive technology reads it out. */
export function say(text) {
  const message = h("p", { class: "message" }, text);
  document.getElementById("messages").append(message);
  setTimeout(() => message.remove(), 8_000);
}

/** Tells assistive technology alone, what others see. */
export function announce(text) {
  fill(document.getElementById("announcer"), text);
}

function openDialog(title, ...content) {
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}` }, title);
  const dialog = h("dialog", { "aria-labelledby": heading.id }, heading, ...content);
  const before = document.activeElement;
  const leave = () => dialog.close();
  addEventListener("hashchange", leave);
  dialog.addEventListener("close", () => {
    removeEventListener("hashchange", leave);
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A dialog to read, with a button that closes it. */
export function showDialog(title, ...content) {
  const close = h("button", { type: "button", on: { click: () => dialog.close() } }, "Close");
  const dialog = openDialog(title, h("div", { class: "dialog-body" }, ...content), h("div", { class: "actions" }, close));
  dialog.classList.add("wide");
  const heading = dialog.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus();
  return dialog;
}

/**
 * Asks before something is done. `action` runs when it is confirmed; what it throws is shown in the dialog, which stays.
 * Returns whether it was done.
 */
export function confirm(title, { text, button, danger = false, content = [], action }) {
  return new Promise((resolve) => {
    let done = false;
    const fault = h("div", {});
    const yes = h("button", { type: "button", class: danger ? "danger" : "primary" }, button);
    const no = h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel");
    const dialog = openDialog(title, text ? h("p", {}, text) : null, content, fault, h("div", { class: "actions" }, no, yes));
    dialog.addEventListener("close", () => resolve(done));
    yes.addEventListener("click", async () => {
      yes.disabled = true;
      fill(fault);
      try {
        await action();
        done = true;
        dialog.close();
      } catch (error) {
        if (error.status === 401) dialog.close();
        fill(fault, faultPanel(error));
        yes.disabled = false;
      }
    });
    (danger ? no : yes).focus();
  });
}
