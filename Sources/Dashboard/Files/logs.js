// What an agent wrote: the end of it, and on demand what comes. At most so many characters are kept in the page.

import { agentPath, send } from "./api.js";
import { fill, h, lines } from "./dom.js";
import { faultPanel } from "./messages.js";
import { visibleLines } from "./text.js";

const mostKept = 200_000;
const tail = 16 << 10;

export function logs(id, signal) {
  const output = lines("", { class: "log", "aria-label": `Output of ${id}` });
  const fault = h("div", {});
  let kept = "";
  let following = null;

  function add(text) {
    const isAtEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 8;
    kept = (kept + text).slice(-mostKept);
    output.textContent = kept === "" ? "Nothing so far." : visibleLines(kept);
    if (isAtEnd) output.scrollTop = output.scrollHeight;
  }

  async function read(follow) {
    following?.abort();
    const own = new AbortController();
    following = own;
    kept = "";
    fill(fault);
    button.setAttribute("aria-pressed", String(follow));
    try {
      const response = await send("GET", agentPath(id, "logs"), {
        query: { tail, follow: follow || undefined }, signal: AbortSignal.any([signal, own.signal]),
      });
      add("");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        add(value);
      }
    } catch (error) {
      if (own.signal.aborted || signal.aborted) return;
      fill(fault, error.fault ? faultPanel(error) : h("p", { class: "hint" }, "The output was cut off. Read it again."));
    }
    if (following === own) button.setAttribute("aria-pressed", "false");
  }

  const button = h("button", {
    type: "button", "aria-pressed": "false", on: { click: () => read(button.getAttribute("aria-pressed") !== "true") },
  }, "Follow");
  const again = h("button", { type: "button", on: { click: () => read(false) } }, "Read again");
  read(false);
  return h("div", {}, h("div", { class: "actions" }, button, again), output, fault);
}
