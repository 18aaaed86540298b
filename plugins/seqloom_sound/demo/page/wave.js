// Draws a sound as a wave: from the least to the greatest sample in each column.

/** Draws a sound file in the canvas; nothing for null, or for a file that the browser cannot read. */
export async function drawWave(canvas, file) {
  const { width, height } = fitted(canvas);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (!file) return;
  const samples = await decoded(file);
  if (!samples) return;
  context.fillStyle = getComputedStyle(canvas).getPropertyValue("--accent");
  const loudest = Math.max(0.01, samples.reduce((most, v) => Math.max(most, Math.abs(v)), 0));
  for (let x = 0; x < width; x++) {
    const column = samples.subarray(
      Math.floor((x * samples.length) / width),
      Math.max(Math.floor(((x + 1) * samples.length) / width), 1),
    );
    const [low, high] = column.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [0, 0]);
    const y = (value) => (height / 2) * (1 - (0.9 * value) / loudest);
    context.fillRect(x, y(high), 1, Math.max(y(low) - y(high), 1));
  }
}

function fitted(canvas) {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
  return canvas;
}

async function decoded(file) {
  try {
    const context = new OfflineAudioContext(1, 1, 48000); // decodes without a sound card
    return (await context.decodeAudioData(await file.arrayBuffer())).getChannelData(0);
  } catch {
    return null;
  }
}
