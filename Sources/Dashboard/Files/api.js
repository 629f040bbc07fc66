// The HTTP API: requests with the session's cookie and CSRF token; errors as the platform tells them.

import { lost, session } from "./session.js";

/** An answer that is an error: what was tried, why it did not come to pass, what to do. */
export class Problem extends Error {
  constructor(status, fault) {
    super(fault.reason);
    this.status = status;
    this.fault = fault;
  }
}

async function problem(response, operation) {
  let fault = null;
  try {
    fault = (await response.json()).fault;
  } catch {
    // What stands between answered by itself, without the platform's words.
  }
  return new Problem(response.status, fault ?? {
    code: "unknown", operation, reason: `the answer has the status ${response.status}`, remedy: "try again",
  });
}

/** The answer to a request; throws `Problem`. One that `repeats` does the same when it is made twice. */
export async function send(method, path, { query, body, headers = {}, signal, repeats = method === "GET" } = {}) {
  const operation = `${method} ${path}`;
  const all = { ...headers };
  if (method !== "GET" && session()) all["x-csrf-token"] = session().csrfToken;
  if (body !== undefined && !all["content-type"]) all["content-type"] = "application/json";
  const ask = () => fetch(path + queryText(query), {
    method, headers: all, body, signal, credentials: "same-origin", cache: "no-store", redirect: "error",
  });
  let response;
  try {
    // A browser drops its requests when the machine's network changes, as when an agent starts beside it.
    response = await ask().catch(async (error) => {
      if (!repeats || error.name === "AbortError") throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return ask();
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {
      code: "unavailable", operation, reason: "the platform does not answer",
      remedy: "check that it runs and that this machine reaches it, then try again",
    });
  }
  if (response.ok) return response;
  if (response.status === 401) lost();
  throw await problem(response, operation);
}

/** What is empty is left out. */
export function queryText(query = {}) {
  const text = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "")).toString();
  return text ? `?${text}` : "";
}

export async function get(path, query, signal) {
  return (await send("GET", path, { query, signal })).json();
}

/** The value with its ETag. */
export async function getTagged(path, signal) {
  const response = await send("GET", path, { signal });
  return { value: await response.json(), etag: response.headers.get("etag") };
}

export async function post(path, value, options = {}) {
  const response = await send("POST", path, value === undefined ? options : { ...options, body: JSON.stringify(value) });
  return response.status === 204 ? null : response.json();
}

/** The API's path of `tenant/name`. */
export function agentPath(id, action) {
  const [tenant, name] = id.split("/");
  const path = `/v1/tenants/${encodeURIComponent(tenant)}/agents/${encodeURIComponent(name)}`;
  return action ? `${path}/${action}` : path;
}

export function agentID(agent) {
  return `${agent.metadata.tenant}/${agent.metadata.name}`;
}
