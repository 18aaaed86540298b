// Records the microphone as samples. Nothing leaves the page here.

const QUIETEST = -60; // decibels of full scale at which the meter is empty

export class Recorder {
  running = false;
  #blocks = [];
  #length = 0;

  /** heard(share, seconds) gets the loudness in [0, 1]; full() is called after `most` seconds. */
  constructor({ heard, most, full }) {
    Object.assign(this, { heard, most, full });
  }

  /** Starts to record; throws what the browser says if there is no microphone for the page. */
  async start() {
    if (this.running) return;
    const audio = {
      channelCount: 1,
      echoCancellation: false, // models learn from recordings as they are
      noiseSuppression: false,
      autoGainControl: false,
    };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    [this.#blocks, this.#length] = [[], 0];
    const source = this.context.createMediaStreamSource(this.stream);
    const node = new AudioWorkletNode(this.context, "recorder", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.#add(data);
    source.connect(node);
    this.running = true;
  }

  /** Stops, and returns all samples and their number per second. */
  async stop() {
    this.running = false;
    for (const track of this.stream.getTracks()) track.stop();
    const rate = this.context.sampleRate;
    await this.context.close();
    const samples = new Float32Array(this.#length);
    let place = 0;
    for (const block of this.#blocks) {
      samples.set(block, place);
      place += block.length;
    }
    this.#blocks = [];
    return { samples, rate };
  }

  #add(block) {
    if (!this.running) return;
    this.#blocks.push(block);
    this.#length += block.length;
    const power = block.reduce((sum, value) => sum + value * value, 0) / block.length;
    const share = 1 - (10 * Math.log10(Math.max(power, 1e-12))) / QUIETEST;
    const seconds = this.#length / this.context.sampleRate;
    this.heard(Math.min(Math.max(share, 0), 1), seconds);
    if (seconds >= this.most - 0.2) this.full();
  }
}
