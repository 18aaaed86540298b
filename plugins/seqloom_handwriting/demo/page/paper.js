// What is on the paper: strokes, or one image, drawn in the canvas.

/** Draws strokes as smooth lines: curves through the midpoints of their points. */
export function drawStrokes(context, strokes, width) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const [first, ...rest] = stroke;
    context.beginPath();
    context.moveTo(...first);
    rest.forEach(([x, y], i) => {
      const [nextX, nextY] = rest[i + 1] ?? [x, y];
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    });
    if (!rest.length) context.lineTo(...first); // a dot
    context.stroke();
  }
}

export class Paper {
  strokes = [];
  file = null; // the image in place of strokes, as it was brought
  #picture = null; // the same, decoded

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  get empty() {
    return !this.file && !this.strokes.length;
  }

  clear() {
    this.strokes = [];
    this.file = this.#picture = null;
    this.draw();
  }

  undo() {
    if (this.file) return this.clear();
    this.strokes.pop();
    this.draw();
  }

  /** Puts an image in place of what is there. */
  async put(file) {
    this.clear();
    this.file = file;
    const picture = await createImageBitmap(file).catch(() => null); // few browsers know TIFF
    if (this.file !== file) return;
    this.#picture = picture;
    this.draw();
  }

  /** Where the writing is: its left, top and scale, in CSS pixels for one unit of what is sent. */
  frame() {
    if (this.#picture) return this.#pictureFrame();
    const tops = this.strokes.flatMap((stroke) => stroke.map(([, y]) => y));
    return { left: 0, top: tops.reduce((least, y) => Math.min(least, y), Infinity), scale: 1 };
  }

  #pictureFrame() {
    const { clientWidth, clientHeight } = this.canvas;
    const { width, height } = this.#picture;
    const scale = Math.min((clientWidth - 40) / width, (clientHeight - 80) / height, 4);
    const [left, top] = [(clientWidth - width * scale) / 2, (clientHeight - height * scale) / 2];
    return { left, top, scale };
  }

  draw() {
    const { context, canvas } = this;
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    if (this.#picture) {
      const { left, top, scale } = this.frame();
      const { width, height } = this.#picture;
      context.drawImage(this.#picture, left, top, width * scale, height * scale);
    }
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--ink");
    drawStrokes(context, this.strokes, 3.5);
  }

  #fit() {
    const ratio = devicePixelRatio;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw();
  }
}
