// Each character over its place on the paper.

import { piece } from "../show.js";

/** Puts each character over its place; x of the canvas = left + x of the input * scale. */
export function showLabels(found, { left, top, scale }) {
  const characters = Number.isFinite(top) ? (found.characters ?? []) : []; // nothing is drawn
  const labels = characters.filter((one) => "left" in one && one.character.trim());
  document.getElementById("labels").replaceChildren(
    ...labels.map((one) => {
      const made = piece(one.character, one.confidence);
      made.style.left = `${left + ((one.left + one.right) / 2) * scale}px`;
      made.style.top = `${Math.max(top - 8, 30)}px`;
      return made;
    }),
  );
}
