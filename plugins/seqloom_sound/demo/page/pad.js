// The pad for sounds: a recorder, which sends what it recorded when it stops; or a file.

import { watchFiles } from "../files.js";
import { Recorder } from "./recorder.js";
import { drawWave } from "./wave.js";
import { asWav } from "./wav.js";

const byId = (id) => document.getElementById(id);

export function start(model, page) {
  const [recordButton, playButton, clearButton, level] = ["record", "play", "clear", "level"].map(byId);
  let file = null;
  byId("more").open = true; // it has the spectrogram
  const recorder = new Recorder({ heard, most: model.most_seconds, full: stop });

  /** Puts a sound file in place of what is there, and predicts from it. */
  async function put(next) {
    file = next;
    page.drop();
    page.say("");
    page.clear();
    byId("hint").hidden = file !== null;
    playButton.disabled = clearButton.disabled = file === null;
    await drawWave(byId("wave"), file);
    if (file && file === next) page.send();
  }

  function heard(share, seconds) {
    level.value = share;
    byId("time").textContent = `${seconds.toFixed(1)} s`;
  }

  function recording(now) {
    recordButton.textContent = now ? "Stop" : "Record";
    recordButton.ariaPressed = String(now);
    level.hidden = !now;
    byId("time").textContent = "";
  }

  async function record() {
    await put(null);
    try {
      await recorder.start();
      recording(true);
    } catch (error) {
      page.say(reason(error), true);
    }
  }

  async function stop() {
    recording(false);
    const { samples, rate } = await recorder.stop();
    if (!samples.length) return page.say("Nothing was recorded. Try again.", true);
    const wav = asWav(samples, rate);
    if (wav.size > model.most_bytes) return page.say("The recording is too long.", true);
    await put(wav);
  }

  function take(chosen) {
    if (recorder.running) return;
    if (chosen.size > model.most_bytes) {
      page.say(`The file is over ${model.most_bytes >> 20} MB. Choose a shorter one.`, true);
    } else {
      put(chosen);
    }
  }

  async function play() {
    const context = new AudioContext();
    try {
      const source = context.createBufferSource();
      source.buffer = await context.decodeAudioData(await file.arrayBuffer());
      source.connect(context.destination);
      source.onended = () => context.close();
      source.start();
    } catch {
      context.close();
      page.say("The browser cannot play this file.", true);
    }
  }

  recordButton.addEventListener("click", () => (recorder.running ? stop() : record()));
  playButton.addEventListener("click", play);
  clearButton.addEventListener("click", () => put(null));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && file) put(null);
  });
  watchFiles(byId("paper"), byId("file"), take);
  return { request: () => ({ body: file }) };
}

/** Why there is no recording, and what to do. */
function reason(error) {
  if (!navigator.mediaDevices) {
    return (
      "Browsers give the microphone only to pages of this machine, or of https. Open " +
      `http://127.0.0.1:${location.port}/ on the machine of the demo, or drop a sound file.`
    );
  }
  if (error.name === "NotAllowedError") {
    return "The page may not use the microphone. Allow it beside the address, or drop a sound file.";
  }
  if (error.name === "NotFoundError") return "There is no microphone. Drop a sound file.";
  return `The microphone cannot be used: ${error.message}. Drop a sound file.`;
}
