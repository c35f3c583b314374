// The probability as a picture: risk bands, threshold, the score at the start and the score now.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 6, WIDTH = 308, TOP = 16, HEIGHT = 20;

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

const x = (share) => LEFT + WIDTH * Math.min(1, Math.max(0, share));

export class Gauge {
  constructor(svg, info) {
    this.title = svg.querySelector("title");
    this.threshold = info.threshold;
    const {medium, high} = info.risk_bands;
    const bands = [["low", 0, medium], ["medium", medium, high], ["high", high, 1]];
    for (const [name, from, to] of bands) {
      svg.append(shape("rect", {class: `band-${name}`, x: x(from), y: TOP, width: Math.max(0, x(to) - x(from)), height: HEIGHT}));
      if (to - from > 0.12) svg.append(shape("text", {x: (x(from) + x(to)) / 2, y: TOP + HEIGHT + 12, "text-anchor": "middle"}, name));
    }
    if (this.threshold <= 1) {
      const at = x(this.threshold);
      svg.append(shape("line", {class: "threshold", x1: at, x2: at, y1: TOP - 4, y2: TOP + HEIGHT + 4}));
      const anchor = this.threshold > 0.8 ? "end" : this.threshold < 0.2 ? "start" : "middle";
      svg.append(shape("text", {x: at, y: TOP + HEIGHT + 25, "text-anchor": anchor}, `threshold ${percent(this.threshold)}`));
    }
    this.start = shape("circle", {class: "start", r: 5, cy: TOP + HEIGHT / 2, cx: 0, visibility: "hidden"});
    this.needle = shape("path", {class: "needle", d: `M-6 ${TOP - 10}h12l-6 9z M-1.2 ${TOP - 2}h2.4v${HEIGHT + 4}h-2.4z`});
    svg.append(this.start, this.needle);
  }

  show(probability, startProbability) {
    this.needle.setAttribute("transform", `translate(${x(probability)} 0)`);
    this.start.setAttribute("cx", x(startProbability));
    this.start.setAttribute("visibility", startProbability === probability ? "hidden" : "visible");
    this.title.textContent = `${percent(probability)} likely to leave; threshold ${percent(this.threshold)}`;
  }
}

export function percent(share) {
  const value = share * 100;
  const digits = value > 0 && value < 1 || value > 99 && value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}
