// The runs of the verification over time, as a bar each: what was proven, waived, not testable, failed.

import { svg } from "./dom.js";
import { link } from "./router.js";
import { utc } from "./text.js";

const parts = [["proven", "proven"], ["waived", "waived"], ["notTestable", "not testable"], ["failed", "failed"]];
const [height, step, width] = [120, 22, 14];

/** `runs` are newest first; the chart goes from the oldest to the newest. */
export function runChart(runs, selected) {
  const shown = runs.slice(0, 40).reverse();
  const most = Math.max(...shown.map(({ summary }) => parts.reduce((sum, [key]) => sum + summary[key], 0)), 1);
  const bars = shown.map((run, index) => {
    const words = parts.filter(([key]) => run.summary[key] > 0).map(([key, name]) => `${run.summary[key]} ${name}`).join(", ");
    let y = height;
    return svg("a", {
      href: link(`/verify/${run.id}`), class: run.id === selected ? "bar selected" : "bar",
      "aria-label": `${run.tier} run of ${utc(new Date(run.startedAt))}: ${words}`,
    },
    svg("title", {}, `${utc(new Date(run.startedAt))}, ${run.tier}: ${words}`),
    svg("rect", { class: "ground", x: index * step, y: 0, width: step, height: height + 8 }),
    parts.map(([key]) => {
      const size = run.summary[key] / most * (height - 4);
      y -= size;
      return size > 0 ? svg("rect", { class: key, x: index * step + 4, y: y.toFixed(1), width, height: size.toFixed(1) }) : null;
    }),
    svg("rect", { class: "foot", x: index * step + 4, y: height + 4, width, height: 3 }));
  });
  const whole = Math.max(shown.length * step, 200);
  return svg("svg", {
    class: "chart", viewBox: `0 0 ${whole} ${height + 8}`, width: whole, height: height + 8, role: "group", "aria-label": "Runs, from the oldest to the newest",
  },
  svg("defs", {}, svg("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch-ground", width: 5, height: 5 }), svg("rect", { class: "hatch-line", width: 2, height: 5 }))),
  bars);
}
