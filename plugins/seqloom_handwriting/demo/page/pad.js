// The pad for handwriting: a paper to write on, or to drop the image of a line on.

import { watchFiles } from "../files.js";
import { showLabels } from "./labels.js";
import { Paper } from "./paper.js";
import { watchPen } from "./pen.js";
import { asPicture } from "./picture.js";

const byId = (id) => document.getElementById(id);

export function start(model, page) {
  const [canvas, undoButton, clearButton] = ["canvas", "undo", "clear"].map(byId);
  const paper = new Paper(canvas);

  function showNothing() {
    page.clear();
    byId("labels").replaceChildren();
  }

  /** Updates the page after the paper changed. */
  function changed() {
    byId("hint").hidden = !paper.empty;
    undoButton.disabled = clearButton.disabled = paper.empty;
    if (paper.empty) showNothing();
  }

  /** Drops pending predictions and predicts from the current content. */
  function again() {
    page.drop();
    page.say("");
    changed();
    if (!paper.empty) page.send();
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
      page.say(`The image is over ${model.most_bytes >> 20} MB. Choose a smaller one.`, true);
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
      if (!paper.empty) page.sendSoon(); // it may have been cleared under the pen
    },
    end() {
      if (!paper.empty) page.send();
    },
    cancel: undo,
  };

  function shortcut(event) {
    const undoing = (event.ctrlKey || event.metaKey) && event.key === "z";
    if (paper.empty || !(undoing || event.key === "Escape")) return;
    event.preventDefault();
    (undoing ? undo : clear)();
  }

  undoButton.addEventListener("click", undo);
  clearButton.addEventListener("click", clear);
  addEventListener("keydown", shortcut);
  watchPen(canvas, writing);
  if (model.takes === "image") {
    byId("hint").textContent = "Write here, or drop or paste the image of a line";
    byId("choose").hidden = false;
    watchFiles(byId("paper"), byId("file"), take);
  }
  return { request: () => request(paper, model), answered: showLabels };
}

/** Returns what to send, and the position on the paper of the response's coordinates. */
async function request(paper, model) {
  const place = paper.frame();
  if (paper.file) return { body: paper.file, place };
  if (model.takes === "strokes") return { body: { strokes: paper.strokes }, place };
  const { blob, left, scale } = asPicture(paper.strokes, model.ink);
  return { body: blob, place: { left, top: place.top, scale } };
}
