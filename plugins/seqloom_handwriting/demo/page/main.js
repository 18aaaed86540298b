// The page: sends what is written to the model and shows its predictions.

import { Paper } from "./paper.js";
import { watchPen } from "./pen.js";
import { asPicture, watchImages } from "./picture.js";
import { Requester } from "./requests.js";
import { showLabels, showModel, showNothing, showReading, showStatus } from "./show.js";

const byId = (id) => document.getElementById(id);
const [canvas, undoButton, clearButton] = ["canvas", "undo", "clear"].map(byId);
const paper = new Paper(canvas);
const requester = new Requester({ request, answered, failed: (text) => showStatus(text, true) });
let model = null;

/** Returns what to send, and the position on the paper of the response's coordinates. */
async function request() {
  const place = paper.frame();
  if (paper.file) return { body: paper.file, place };
  if (model.takes === "strokes") return { body: { strokes: paper.strokes }, place };
  const { blob, left, scale } = await asPicture(paper.strokes, model.ink);
  return { body: blob, place: { left, top: place.top, scale } };
}

function answered(found, place) {
  showStatus("");
  showReading(found);
  showLabels(found, place);
}

/** Updates the page after the paper changed. */
function changed() {
  byId("hint").hidden = !paper.empty;
  undoButton.disabled = clearButton.disabled = paper.empty;
  if (paper.empty) showNothing();
}

/** Drops pending predictions and predicts from the current content. */
function again() {
  requester.cancel();
  showStatus("");
  changed();
  if (!paper.empty) requester.send();
}

function undo() {
  paper.undo();
  again();
}

function clear() {
  paper.clear();
  again();
}

async function take(file) {
  if (file.size > model.most_bytes) {
    showStatus(`The image is over ${model.most_bytes >> 20} MB. Choose a smaller one.`, true);
    return;
  }
  showNothing();
  await paper.put(file);
  again();
}

const writing = {
  begin(stroke) {
    if (paper.file) clear();
    paper.strokes.push(stroke);
    paper.draw();
    changed();
  },
  move() {
    paper.draw();
    if (!paper.empty) requester.sendSoon(); // it may have been cleared under the pen
  },
  end() {
    if (!paper.empty) requester.send();
  },
  cancel: undo,
};

function shortcut(event) {
  const undoing = (event.ctrlKey || event.metaKey) && event.key === "z";
  if (paper.empty || !(undoing || event.key === "Escape")) return;
  event.preventDefault();
  (undoing ? undo : clear)();
}

async function start() {
  try {
    model = await (await fetch("model")).json();
  } catch {
    showStatus("The demo does not answer. Is it still running?", true);
    return;
  }
  showModel(model);
  undoButton.addEventListener("click", undo);
  clearButton.addEventListener("click", clear);
  addEventListener("keydown", shortcut);
  watchPen(canvas, writing);
  if (model.takes !== "image") return;
  byId("hint").textContent = "Write here, or drop or paste the image of a line";
  byId("choose").hidden = false;
  watchImages(byId("paper"), byId("file"), take);
}

start();
