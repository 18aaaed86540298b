// From pointer events to strokes: lists of [x, y] in CSS pixels of the canvas, y downwards.

const NEAREST = 1.5; // pixels: points closer to the last one say nothing new

const rounded = (value) => Math.round(value * 10) / 10;

/** Calls begin(stroke), move() and end() as a stroke grows, cancel() if it was none. */
export function watchPen(canvas, { begin, move, end, cancel }) {
  let pointer = null;
  let stroke = null;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [rounded(event.clientX - box.left), rounded(event.clientY - box.top)];
  };

  const add = (event) => {
    const [x, y] = place(event);
    const [lastX, lastY] = stroke[stroke.length - 1];
    if (Math.hypot(x - lastX, y - lastY) >= NEAREST) stroke.push([x, y]);
  };

  const finish = (event, then) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    then();
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return; // one pen at a time; not the right button
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    stroke = [place(event)];
    begin(stroke);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    (events.length ? events : [event]).forEach(add); // the pen's own points, more than frames
    move();
  });
  canvas.addEventListener("pointerup", (event) => finish(event, end));
  canvas.addEventListener("pointercancel", (event) => finish(event, cancel));
}
