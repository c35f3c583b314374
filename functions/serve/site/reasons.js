// The contribution of each column as a bar, left or right of the middle.

import {breakable} from "./fields.js";

const FEW = 8;

function row({feature, label, text, contribution, value_kind: kind}, largest) {
  const name = document.createElement("th");
  name.scope = "row";
  name.append(...breakable(label ?? feature), kind === "known" ? "" : ` (${kind})`);
  const bar = document.createElement("div");
  bar.className = `bar ${contribution > 0 ? "leave" : "stay"}`;
  bar.style.width = `${largest === 0 ? 0 : 50 * Math.abs(contribution) / largest}%`;
  const track = document.createElement("div");
  track.className = "track";
  track.append(bar);
  const picture = document.createElement("td");
  picture.append(track);
  const number = document.createElement("td");
  number.textContent = `${contribution < 0 ? "−" : "+"}${Math.abs(contribution).toFixed(2)}`;
  const made = document.createElement("tr");
  made.append(name, picture, number);
  return made;
}

export class Reasons {
  constructor(table, more) {
    this.body = table.tBodies[0];
    this.more = more;
    this.all = false;
    more.addEventListener("click", () => {
      this.all = !this.all;
      this.show(this.reasons);
    });
  }

  show(reasons) {
    this.reasons = reasons;
    const ranked = reasons.toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    const largest = Math.abs(ranked[0]?.contribution ?? 0);
    this.body.replaceChildren(...ranked.slice(0, this.all ? undefined : FEW).map((reason) => row(reason, largest)));
    this.more.hidden = ranked.length <= FEW;
    this.more.textContent = this.all ? "Show the strongest only" : `Show all ${ranked.length} columns`;
    this.more.setAttribute("aria-expanded", String(this.all));
  }
}
