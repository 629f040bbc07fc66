// The layers as rings round the agents: green only for what is proven, dashed for what is not, crossed for what failed.

import { svg } from "./dom.js";
import { link } from "./router.js";

const centre = 180;

function ring(layer, state, index, count) {
  const radius = 44 + index * 16.5;
  const angle = (-90 + index * (360 / count)) * Math.PI / 180;
  const [x, y] = [centre + radius * Math.cos(angle), centre + radius * Math.sin(angle)];
  const marks = { good: "M-4 .5 -1 3.5 4.5 -3", bad: "M-3 -3 3 3 M3 -3 -3 3", none: "M-3.5 0H3.5" };
  return svg("a", { href: link("/verify", { layer: layer.checks }), class: `ring ${state.state}`, id: `ring-${layer.id}`, tabindex: "-1" },
    svg("title", {}, `${layer.name}: ${state.word}, ${state.why}`),
    svg("circle", { class: "band", cx: centre, cy: centre, r: radius }),
    svg("g", { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
      svg("circle", { class: "mark-back", r: 8.5 }), svg("path", { class: "mark-sign", d: marks[state.state] })));
}

/** `states` are `[layer, state]`, the innermost first. For the mouse and the eye: the list beside it says the same. */
export function picture(states) {
  const good = states.filter(([, state]) => state.state === "good").length;
  return svg("svg", {
    class: "rings", viewBox: "0 0 360 360", role: "img", "aria-label": `Layers round the agents: ${good} of ${states.length} proven`,
  },
  states.map(([layer, state], index) => ring(layer, state, index, states.length)),
  svg("circle", { class: "heart", cx: centre, cy: centre, r: 30 }),
  svg("text", { class: "heart-text", x: centre, y: centre + 4, "text-anchor": "middle" }, "agents"));
}
