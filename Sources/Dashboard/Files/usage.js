// What an agent used of the machine over the last hour: three lines over time, and the same in words and in a table.

import { agentPath, get } from "./api.js";
import { fill, h, svg } from "./dom.js";
import { faultPanel } from "./messages.js";
import { every } from "./router.js";
import { table } from "./table.js";
import { duration, number, utc } from "./text.js";

const [width, height] = [320, 88];
const hour = 3600 * 1000;

export function bytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  for (; value >= 1024 && place < units.length - 1; place += 1) value /= 1024;
  return `${value >= 100 || place === 0 ? Math.round(value) : value.toFixed(1)} ${units[place]}`;
}

function cpus(value) {
  return value.toFixed(2);
}

const parts = [
  { name: "CPU", unit: "CPUs", key: "cpus", limit: "cpus", text: cpus },
  { name: "Memory", unit: "", key: "memoryBytes", limit: "memoryBytes", text: bytes },
  { name: "Tasks", unit: "threads on the machine", key: "tasks", limit: "tasks", text: number },
];

/** Samples of one run of the clock, with their times in milliseconds: what came before it was set back is left out. */
function rising(samples) {
  const timed = samples.map((sample) => ({ ...sample, at: new Date(sample.time).getTime() }));
  const start = timed.findLastIndex((sample, index) => index > 0 && sample.at < timed[index - 1].at);
  return start > 0 ? timed.slice(start) : timed;
}

/** The line as a path that begins anew after a gap. */
function path(points, gap) {
  let last = null;
  return points.map(({ at, x, y }) => {
    const begins = last === null || at - last > gap;
    last = at;
    return `${begins ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("") + (points.length === 1 ? "h.1" : "");
}

function chart({ name, unit, key, limit, text }, { samples, limits, intervalSeconds }) {
  // The newest sample ends the picture, whatever the browser's clock says.
  const end = samples.at(-1).at;
  const own = samples.filter((sample) => sample[key] !== undefined);
  const [bound, values] = [limits[limit], own.map((sample) => sample[key])];
  const most = Math.max(...values, 0);
  // The limit is part of the picture where the use comes near it; else it would press the line flat.
  const showsBound = bound !== undefined && most > bound / 4;
  const top = (showsBound ? Math.max(bound, most) : most) * 1.08 || 1;
  const y = (value) => height - value / top * (height - 4) - 1;
  const points = own.map((sample) => ({ at: sample.at, x: width - (end - sample.at) / hour * width, y: y(sample[key]) }))
    .filter((point) => point.x >= 0);
  const use = own.length > 0 ? `${text(own.at(-1)[key])}${unit ? ` ${unit}` : ""}, at most ${text(most)}` : "known from the next sample on";
  const words = `${use}, ${bound === undefined ? "without a limit" : `limit ${text(bound)}`}`;
  return h("figure", { class: "use" },
    h("figcaption", {}, h("strong", {}, name), " ", h("span", { class: "hint" }, words)),
    svg("svg", { class: "line-chart", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `${name} over the last hour: ${words}` },
      [0.25, 0.5, 0.75].map((share) => svg("path", { class: "grid", d: `M${width * share} 0V${height}` })),
      svg("path", { class: "grid", d: `M0 ${height - 1}H${width}` }),
      showsBound ? svg("path", { class: "limit", d: `M0 ${y(bound).toFixed(1)}H${width}` }) : null,
      svg("path", { class: "line", d: path(points, intervalSeconds * 3000) })),
    h("p", { class: "axis hint", "aria-hidden": "true" }, h("span", {}, "1 h before"), h("span", {}, utc(new Date(end)).slice(11))));
}

/** At most thirty rows, evenly taken, the newest first. */
function rows(samples) {
  const step = Math.ceil(samples.length / 30);
  return samples.toReversed().filter((_, index) => index % step === 0).map((sample) => [
    utc(new Date(sample.time)), sample.cpus === undefined ? "–" : cpus(sample.cpus), bytes(sample.memoryBytes), sample.tasks === undefined ? "–" : number(sample.tasks),
  ]);
}

export function usageCharts(usage) {
  const samples = rising(usage.samples);
  if (samples.length === 0) return h("p", { class: "empty" }, "Nothing was read within the last hour: the agent does not run, or has just begun to.");
  const shown = { ...usage, samples };
  // A cluster does not know how many tasks there are.
  const drawn = parts.filter(({ key }) => key !== "tasks" || samples.some((sample) => sample.tasks !== undefined));
  const span = samples.length > 1 ? `, over ${duration(samples.at(-1).at - samples[0].at)}` : "";
  return [
    h("div", { class: "uses" }, drawn.map((part) => chart(part, shown))),
    h("p", { class: "hint" }, `A sample each ${usage.intervalSeconds} seconds${span}. Tasks are the threads by which gVisor runs the agent.`),
    h("details", {}, h("summary", {}, "As a table"), table("What the agent used", ["Time", "CPUs", "Memory", "Tasks"], rows(samples))),
  ];
}

/** The charts of one agent, kept up to date. */
export function usageView(id, signal) {
  const place = h("div", {}, "Looking …");
  async function refresh() {
    try {
      const usage = await get(agentPath(id, "usage"), {}, signal);
      const isOpen = place.querySelector("details")?.open;
      if (signal.aborted || (isOpen && place.contains(document.activeElement))) return;
      fill(place, usageCharts(usage));
      if (isOpen) place.querySelector("details").open = true;
    } catch (error) {
      if (!signal.aborted) fill(place, faultPanel(error));
    }
  }
  refresh();
  every(10, signal, refresh);
  return place;
}
