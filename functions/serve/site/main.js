// The page: a form with a customer, the score, and the effect of changes.

import {modelInfo, predict} from "./client.js";
import {CustomerForm} from "./fields.js";
import {Gauge, percent} from "./gauge.js";
import {Reasons} from "./reasons.js";

const TYPING_PAUSE = 150;
const RETRY_PAUSE = 2000;
const SHORTEST_CHANGE = 0.0005;

const byId = (id) => document.getElementById(id);

function showBanner(text) {
  byId("banner").textContent = text ?? "";
  byId("banner").hidden = !text;
}

function points(from, to) {
  const change = (to - from) * 100;
  if (Math.abs(change) < SHORTEST_CHANGE * 100) return "no change";
  return `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(Math.abs(change) < 1 ? 2 : 0)} points`;
}

function profitText(profit, currency) {
  const amount = `${Math.abs(profit).toFixed(2)}${currency ? ` ${currency}` : ""}`;
  return profit < 0 ? `Contacting this customer would lose ${amount}.` : `Contacting this customer would earn ${amount}.`;
}

class Page {
  constructor(info) {
    this.currency = info.currency;
    this.typical = Object.fromEntries(info.features.map((feature) => [feature.name, feature.typical]));
    this.form = new CustomerForm(byId("form"), info);
    this.gauge = new Gauge(byId("gauge"), info);
    this.reasons = new Reasons(byId("reasons"), byId("more"));
    byId("model").textContent = `${info.model_version}, threshold ${percent(info.threshold)}`;
    byId("form").addEventListener("input", () => this.scoreSoon());
    byId("form").addEventListener("submit", (event) => event.preventDefault());
    byId("typical").addEventListener("click", () => this.begin(this.typical));
    byId("keep").addEventListener("click", () => this.begin(this.form.customer));
    byId("back").addEventListener("click", () => this.begin(this.start.customer));
    byId("paste").addEventListener("click", () => {
      byId("json-error").hidden = true;
      byId("dialog").showModal();
    });
    byId("use").addEventListener("click", () => this.usePasted());
  }

  begin(customer) {
    this.form.customer = customer;
    this.start = null;
    this.score();
  }

  scoreSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.score(), TYPING_PAUSE);
  }

  // An answer is shown only if no newer request was sent.
  async score() {
    clearTimeout(this.timer);
    this.request?.abort();
    const request = this.request = new AbortController();
    const customer = this.form.customer;
    byId("score").classList.add("stale");
    const result = await predict(customer, request.signal);
    if (request !== this.request || result.aborted) return;
    if (result.unreachable || result.problem?.status >= 500) {
      showBanner(result.unreachable ? "The server does not answer; trying again …" : `${result.problem.title}: ${result.problem.detail}`);
      this.timer = setTimeout(() => this.score(), RETRY_PAUSE);
      return;
    }
    showBanner(null);
    this.form.showFaults(result.problem?.errors ?? []);
    if (result.problem) {
      const unplaced = (result.problem.errors ?? []).every(({loc}) => !this.form.byName.has(loc[0]));
      if (unplaced) showBanner(result.problem.detail);
      byId("headline").textContent = byId("dock").textContent = "No score";
      byId("change").hidden = true;
      byId("decision").textContent = "Fix the marked fields to get a score.";
      return;
    }
    byId("score").classList.remove("stale");
    this.show(customer, result.answer);
  }

  show(customer, answer) {
    this.start ??= {customer, answer};
    const before = this.start.answer.churn_probability;
    const now = answer.churn_probability;
    this.gauge.show(now, before);
    byId("headline").textContent = `${percent(now)} likely to leave`;
    byId("decision").textContent = answer.will_churn
      ? `Contact this customer: the score reaches the threshold of ${percent(answer.threshold)}. Risk: ${answer.risk}.`
      : `No contact needed: the score is below the threshold of ${percent(answer.threshold)}. Risk: ${answer.risk}.`;
    byId("profit").hidden = answer.expected_profit === undefined;
    if (answer.expected_profit !== undefined) {
      byId("profit").textContent = profitText(answer.expected_profit, this.currency);
    }
    byId("warnings").hidden = answer.warnings.length === 0;
    byId("warnings").replaceChildren(...answer.warnings.map((column) => {
      const item = document.createElement("li");
      const label = this.form.byName.get(column)?.feature?.label ?? column;
      item.textContent = `${label}: the model did not expect this value, so the score is less reliable.`;
      return item;
    }));
    this.reasons.show(answer.reasons);
    this.form.markChanges(this.start.customer);
    const changed = document.querySelector(".field.changed") !== null;
    byId("change").hidden = !changed;
    byId("dock").hidden = false;
    byId("dock").textContent = `${percent(now)} likely to leave${changed ? `, ${points(before, now)}` : ""}`;
    byId("difference").textContent = changed ? `${percent(before)} → ${percent(now)}, ${points(before, now)}` : "";
  }

  usePasted() {
    const complain = (text) => {
      byId("json-error").textContent = text;
      byId("json-error").hidden = false;
    };
    let customer;
    try {
      customer = JSON.parse(byId("json").value);
    } catch {
      complain("This is not JSON; paste one object in braces, with names in double quotes.");
      return;
    }
    if (typeof customer !== "object" || customer === null || Array.isArray(customer)) {
      complain("Paste one customer: an object in braces.");
      return;
    }
    const unknown = this.form.unknownKeys(customer);
    if (unknown.length > 0) {
      complain(`This model has no column ${unknown.map((key) => `“${key}”`).join(", ")}; remove it.`);
      return;
    }
    byId("dialog").close();
    this.begin(customer);
  }
}

async function open() {
  const {answer, problem} = await modelInfo();
  if (!answer) {
    showBanner(problem ? `${problem.title}: ${problem.detail}` : "The server does not answer; trying again …");
    setTimeout(open, RETRY_PAUSE);
    return;
  }
  showBanner(null);
  const page = new Page(answer);
  showReport();
  document.querySelector("main").hidden = false;
  page.begin(page.typical);
}

// A bundle without a report has no link.
async function showReport() {
  const found = await fetch("report", {method: "HEAD"}).catch(() => null);
  byId("report").hidden = !found?.ok;
}

open();
