// The stream of alerts, as server-sent events, taken up again when it breaks off.

import { get, queryText } from "./api.js";

/** Milliseconds before another attempt: the first, and at most. */
const [quickest, slowest] = [1_000, 60_000];

/**
 * Follows the stream until the view is left. `take` is given each alert, `catchUp` is called whenever the stream begins,
 * `tell` is given a shape and words for how it is.
 */
export function follow(filter, signal, { take, catchUp, tell }) {
  let source = null;
  let timer = null;
  let wait = quickest;

  function again(why) {
    source?.close();
    source = null;
    clearTimeout(timer);
    if (signal.aborted) return;
    tell("warn", `${why}; trying again`);
    timer = setTimeout(async () => {
      try {
        // An event source does not tell why it ended; this does, if nobody is logged in any more.
        await get("/v1/session", {}, signal);
        open();
      } catch (error) {
        if (!signal.aborted && error.status !== 401) again(error.message);
      }
    }, wait);
    wait = Math.min(wait * 2, slowest);
  }

  function open() {
    if (signal.aborted) return;
    source = new EventSource(`/v1/alerts/stream${queryText(filter)}`);
    source.addEventListener("open", () => {
      tell("good", "Live");
      // The stream begins now: what came before it is in the listing.
      catchUp().then(() => { wait = quickest; }, (error) => {
        if (!signal.aborted) again(error.message);
      });
    });
    source.addEventListener("message", (event) => {
      if (event.data) take(JSON.parse(event.data));
    });
    source.addEventListener("fault", (event) => {
      let reason = "The stream ended";
      try {
        reason = JSON.parse(event.data).reason;
      } catch {
        // Whatever it was, the stream is over.
      }
      again(reason);
    });
    source.addEventListener("error", () => {
      // The browser tries again by itself, from the last event on, unless the answer was an error.
      if (source?.readyState === EventSource.CLOSED) again("The stream does not answer");
      else tell("warn", "The stream broke off; trying again");
    });
  }

  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    source?.close();
  });
  open();
}
