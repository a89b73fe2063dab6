// The parts of d3 that the page draws with.
export { bisector } from "d3-array";
export { hierarchy, treemap } from "d3-hierarchy";
export { scaleLinear, scaleLog } from "d3-scale";
export { area, curveStepAfter, line } from "d3-shape";
