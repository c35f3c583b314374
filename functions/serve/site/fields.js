// One field for each column of the contract. Names and values of columns are untrusted text: they become
// text content only, and ids of elements are numbers.

const LISTED_VALUES = 60;
const OTHER = "other";
const MISSING = "missing";
const KNOWN = "known:";

const WORDS = {
  missing: () => "This column needs a value.",
  wrong_type: (feature) => feature?.kind === "number" ? "This must be a number." : "This value is of the wrong kind.",
  out_of_range: (feature) => rangeText(feature?.minimum ?? null, feature?.maximum ?? null),
  not_integer: () => "This must be a whole number.",
  not_a_date: (feature) => `This must be a date in the form ${feature?.format ?? "YYYY-MM-DD"}.`,
  not_finite: () => "This number is too large.",
  too_long: () => "This text is too long; the limit is 256 characters.",
  invalid_unicode: () => "This text holds characters that are not allowed.",
};

function rangeText(minimum, maximum) {
  if (minimum === null && maximum === null) return "This number is too large.";
  if (minimum === null) return `This must be at most ${maximum}.`;
  return maximum === null ? `This must be at least ${minimum}.` : `This must be from ${minimum} to ${maximum}.`;
}

export function faultText(code, feature) {
  return (WORDS[code] ?? (() => `This value is refused (${code}).`))(feature);
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A long name may break before a capital letter and after an underscore.
export function breakable(name) {
  return name.split(/(?<=[a-z0-9_])(?=[A-Z])|(?<=_)/).flatMap((part, at) => at === 0 ? [part] : [document.createElement("wbr"), part]);
}

// A flag that is declared as boolean reads no and yes.
function shownValue(feature, value) {
  return feature.boolean ? {true: "yes", false: "no"}[value] ?? value : value;
}

class Field {
  constructor(name, number, feature, control) {
    this.name = name;
    this.feature = feature;
    this.error = element("p", {class: "error", id: `error-${number}`, hidden: ""});
    control.id = `field-${number}`;
    control.setAttribute("aria-describedby", this.error.id);
    this.control = control;
    const label = element("label", {for: control.id}, ...breakable(feature?.label ?? name));
    this.root = element("div", {class: "field"}, label, control);
    if (feature?.help) {
      const help = element("p", {class: "help", id: `help-${number}`}, feature.help);
      control.setAttribute("aria-describedby", `${help.id} ${this.error.id}`);
      this.root.append(help);
    }
    this.root.append(this.error);
  }

  showFault(text) {
    this.error.textContent = text ?? "";
    this.error.hidden = !text;
    this.control.setAttribute("aria-invalid", String(Boolean(text)));
  }

  markChanged(changed) {
    this.root.classList.toggle("changed", changed);
  }
}

class IdField extends Field {
  constructor(name, number) {
    super(name, number, null, element("input", {type: "text", autocomplete: "off", placeholder: "optional"}));
  }

  get value() { return this.control.value === "" ? undefined : this.control.value; }

  set value(value) { this.control.value = value ?? ""; }
}

class NumberField extends Field {
  constructor(feature, number) {
    const control = element("input", {
      type: "number", step: feature.integer ? "1" : "any",
      inputmode: feature.integer ? "numeric" : "decimal", autocomplete: "off",
      ...(feature.minimum === null ? {} : {min: feature.minimum}),
      ...(feature.maximum === null ? {} : {max: feature.maximum}),
      ...(feature.nullable ? {placeholder: "missing"} : {}),
    });
    super(feature.name, number, feature, control);
  }

  // Text that is not a number is sent as "?", so that the API refuses it.
  get value() {
    if (this.control.validity.badInput) return "?";
    return this.control.value === "" ? null : Number(this.control.value);
  }

  set value(value) { this.control.value = value === null || value === undefined ? "" : String(value).trim(); }
}

class DateField extends Field {
  constructor(feature, number) {
    const control = element("input", {
      type: "text", autocomplete: "off", placeholder: feature.nullable ? `${feature.format} or missing` : feature.format,
    });
    super(feature.name, number, feature, control);
  }

  get value() { return this.control.value === "" ? null : this.control.value; }

  set value(value) { this.control.value = value ?? ""; }
}

class CategoryField extends Field {
  constructor(feature, number) {
    const long = feature.values.length > LISTED_VALUES;
    const select = long ? element("input", {type: "text", list: `values-${number}`, autocomplete: "off"}) : element("select");
    super(feature.name, number, feature, select);
    this.long = long;
    if (long) {
      const options = feature.values.map((value) => element("option", {value}));
      this.root.append(element("datalist", {id: `values-${number}`}, ...options));
      return;
    }
    select.append(...feature.values.map((value) => element("option", {value: KNOWN + value}, shownValue(feature, value))));
    if (feature.nullable) select.append(element("option", {value: MISSING}, "(missing)"));
    select.append(element("option", {value: OTHER}, "other …"));
    this.other = element("input", {
      type: "text", class: "other", hidden: "", autocomplete: "off", "aria-label": `${feature.label}: other value`,
    });
    select.after(this.other);
    select.addEventListener("change", () => {
      this.other.hidden = select.value !== OTHER;
      if (!this.other.hidden) this.other.focus();
    });
  }

  get value() {
    if (this.long) return this.control.value === "" ? null : this.control.value;
    if (this.control.value === MISSING) return null;
    return this.control.value === OTHER ? this.other.value : this.control.value.slice(KNOWN.length);
  }

  set value(value) {
    const text = value === null || value === undefined ? null : String(value);
    if (this.long) {
      this.control.value = text ?? "";
      return;
    }
    const known = text !== null && this.feature.values.includes(text);
    const missing = text === null && this.feature.nullable;
    this.control.value = known ? KNOWN + text : missing ? MISSING : OTHER;
    this.other.hidden = known || missing;
    this.other.value = known || missing ? "" : text ?? "";
  }
}

export class CustomerForm {
  constructor(form, info) {
    const kinds = {number: NumberField, date: DateField, category: CategoryField};
    this.fields = info.features.map((feature, number) => new kinds[feature.kind](feature, number));
    if (info.id_column !== null) this.fields.unshift(new IdField(info.id_column, info.features.length));
    this.byName = new Map(this.fields.map((field) => [field.name, field]));
    form.append(...this.fields.map((field) => field.root));
  }

  // A column may be called __proto__: fromEntries makes it a key like any other, an assignment would not.
  get customer() {
    const entries = this.fields.map((field) => [field.name, field.value]).filter(([, value]) => value !== undefined);
    return Object.fromEntries(entries);
  }

  set customer(customer) {
    for (const field of this.fields) field.value = Object.hasOwn(customer, field.name) ? customer[field.name] : null;
  }

  unknownKeys(customer) {
    return Object.keys(customer).filter((key) => !this.byName.has(key));
  }

  markChanges(start) {
    for (const field of this.fields) {
      if (field.feature !== null) field.markChanged((field.value ?? null) !== (start[field.name] ?? null));
    }
  }

  showFaults(errors) {
    for (const field of this.fields) field.showFault(null);
    for (const {loc, code} of errors) {
      const field = this.byName.get(loc[0]);
      field?.showFault(faultText(code, field.feature));
    }
  }
}
