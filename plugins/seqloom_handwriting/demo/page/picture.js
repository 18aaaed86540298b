// Writing as the image of a line, for models that read images.

import { drawStrokes } from "./paper.js";

const HEIGHT = 96; // pixels of the image
const WRITING = 0.66; // of them

/** Returns strokes as a PNG, and how its pixels lie on the paper: x = left + pixel * scale. */
export function asPicture(strokes, ink) {
  const points = strokes.flat();
  const [left, right] = extent(points.map(([x]) => x));
  const [top, bottom] = extent(points.map(([, y]) => y));
  // A dash is not to fill the height.
  const tall = Math.max(bottom - top, (right - left) / 8, 8) / WRITING;
  const scale = HEIGHT / tall;
  const origin = [left - tall / 5, (top + bottom - tall) / 2];
  const canvas = document.createElement("canvas");
  canvas.height = HEIGHT;
  canvas.width = Math.ceil((right - left + (2 * tall) / 5) * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = ink === "light" ? "black" : "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = ink === "light" ? "white" : "black";
  context.scale(scale, scale);
  context.translate(-origin[0], -origin[1]);
  drawStrokes(context, strokes, tall / 14);
  return { blob: asBlob(canvas), left: origin[0], scale: 1 / scale };
}

/** Returns a canvas as a PNG; its own toBlob may wait for a second until the browser is idle. */
function asBlob(canvas) {
  const encoded = canvas.toDataURL("image/png").split(",")[1];
  const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

function extent(values) {
  return values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
}
