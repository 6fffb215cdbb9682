// The status line: what a node says of its last run, written on the node in both node renderers.
// It comes with the node's "ui" output, so a result from the cache brings its own line with it.
import { app } from "../../scripts/app.js";

const WIDGET = "status";
// Amber, darker on light nodes: it is mixed with the theme's own text colour.
const CAUTION = "color-mix(in srgb, #e08700 60%, var(--input-text, #ddd))";
const HEIGHT = 46; // px: two lines; more text is scrolled to, and shown whole by the tooltip

function place(node) {
  const known = node.widgets?.find((widget) => widget.name === WIDGET);
  if (known) return known;
  const box = document.createElement("div");
  Object.assign(box.style, {
    boxSizing: "border-box",
    width: "100%",
    minHeight: `${HEIGHT}px`,
    padding: "2px 6px",
    overflow: "auto",
    font: "12px/1.45 sans-serif",
    color: "var(--input-text, #ddd)",
    userSelect: "text",
  });
  const widget = node.addDOMWidget(WIDGET, "regharm_status", box, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getMaxHeight: () => HEIGHT * 2,
    getValue: () => box.innerText,
    setValue: () => {},
  });
  widget.serialize = false; // of no saved workflow
  return widget;
}

function show(node, output) {
  const lines = [
    ...(output?.text ?? []).map((text) => [text, ""]),
    ...(output?.caution ?? []).map((text) => [`\u26a0 ${text}`, CAUTION]),
  ];
  const box = place(node).element;
  box.replaceChildren(
    ...lines.map(([text, colour]) => {
      const line = document.createElement("div");
      line.textContent = text;
      line.style.color = colour;
      return line;
    }),
  );
  box.title = lines.map(([text]) => text).join("\n");
  node.setDirtyCanvas?.(true, true);
}

// Undo, or another tab and back, make all nodes anew; the page still knows what their last run said.
function showAgain(graph, prefix) {
  for (const node of graph?.nodes ?? []) {
    const output = app.nodeOutputs?.[`${prefix}${node.id}`];
    if (node.type?.startsWith("RegHarm") && output?.text) show(node, output);
    if (node.subgraph) showAgain(node.subgraph, `${node.subgraph.id}:`);
  }
}

app.registerExtension({
  name: "RegionalHarmonizer.Status",
  afterConfigureGraph() {
    setTimeout(() => showAgain(app.graph, ""), 0); // the outputs come after the nodes
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith("RegHarm")) return;
    const { onNodeCreated, onExecuted } = nodeType.prototype;
    nodeType.prototype.onNodeCreated = function (...args) {
      onNodeCreated?.apply(this, args);
      show(this, { text: ["not run yet"] });
    };
    nodeType.prototype.onExecuted = function (output) {
      onExecuted?.apply(this, arguments);
      show(this, output);
    };
  },
});
