// Builds elements of the nodes that the server sends: texts, or [name, attributes, children].

const SVG = "http://www.w3.org/2000/svg";

/** Returns the nodes as nodes of the document. */
export const built = (nodes, space = null) => nodes.map((node) => one(node, space));

function one(node, space) {
  if (typeof node === "string") return document.createTextNode(node);
  const [name, { style, src, ...attributes }, children] = node;
  if (name === "img") return picture(src, attributes.alt, style);
  const inner = name === "svg" ? SVG : space;
  const made = inner ? document.createElementNS(inner, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (style) made.style.cssText = style; // the page's policy forbids the attribute, not this
  made.append(...built(children, inner));
  return made;
}

/** Returns an image as a canvas, as the page's policy allows no images but its own. */
function picture(source, text, style) {
  const canvas = document.createElement("canvas");
  canvas.role = "img";
  canvas.ariaLabel = text ?? "";
  canvas.style.cssText = style ?? "";
  draw(canvas, source).catch(() => canvas.remove());
  return canvas;
}

async function draw(canvas, source) {
  const [kind, data] = source.split(",", 2);
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: kind.slice(5).split(";")[0] }));
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}
