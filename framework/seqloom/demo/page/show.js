// Shows what was read, and how sure the model is of it.

import { built } from "./markup.js";

const UNSURE = 0.5;
const CLASSES = 5;
const LONG = 14; // characters; more are shown smaller

const byId = (id) => document.getElementById(id);
const percent = (share) => `${Math.round(share * 100)} %`;

function element(name, text, more = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  return Object.assign(made, more);
}

/** The text of a prediction: what was read, or the class or classes. */
const textOf = (found) =>
  found.labels?.join(", ") ?? found.reading ?? found.text ?? found.label ?? "";

/** A piece of text, pale where the model is unsure. */
export function piece(text, confidence) {
  const made = element("span", text, { title: `${text}: ${percent(confidence)} sure` });
  made.style.opacity = 0.3 + 0.7 * confidence;
  made.classList.toggle("unsure", confidence < UNSURE);
  return made;
}

export function showReading(found) {
  showMore(found);
  const text = textOf(found);
  const pieces = found.characters ?? [{ character: text, confidence: found.confidence ?? 1 }];
  byId("reading").replaceChildren(...pieces.map((one) => piece(one.character, one.confidence)));
  byId("reading").classList.toggle("long", text.length > LONG);
  byId("spoken").textContent = text;
  byId("sure").textContent = sentence(text, found.confidence);
  showClasses(found.probabilities);
}

/** Shows what the head renders, which is all that there is if it has no text for an input. */
function showMore({ reading, shown }) {
  const more = byId("more");
  const only = shown && reading === undefined;
  byId("answer").hidden = only;
  byId("shown").replaceChildren(...built(shown ?? []));
  more.hidden = !shown;
  if (only) more.open = true;
}

function sentence(text, confidence) {
  if (!text) return "Nothing legible yet";
  return confidence === undefined ? "" : `${percent(confidence)} sure`;
}

function showClasses(probabilities) {
  const best = Object.entries(probabilities ?? {}).sort((a, b) => b[1] - a[1]).slice(0, CLASSES);
  byId("classes").hidden = !best.length;
  byId("classes").replaceChildren(
    ...best.map(([name, share]) => {
      const row = element("li", "");
      const meter = element("meter", "", { value: share, ariaLabel: name });
      row.append(element("span", name), meter, element("span", percent(share)));
      return row;
    }),
  );
}

export function showNothing() {
  for (const id of ["reading", "spoken", "sure", "shown"]) byId(id).replaceChildren();
  byId("classes").hidden = byId("more").hidden = true;
}

export function showStatus(text, bad = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
}

export function showModel(model) {
  document.title = `${model.name} · seqloom demo`;
  byId("name").textContent = model.name;
  byId("parts").textContent = Object.values(model.parts).join(" · ");
  const rows = [
    ...Object.entries(model.parts),
    ["weights", model.parameters.toLocaleString("en")],
    ["reads", model.symbols.slice(0, 200).join(" ")],
    ...Object.entries(model.metrics ?? {}).map(([split, values]) => [split, scores(values)]),
    ["seqloom", model.version],
  ].filter(([, value]) => value);
  byId("about").replaceChildren(
    ...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
  );
}

const scores = (values) =>
  Object.entries(values)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join(", ");
