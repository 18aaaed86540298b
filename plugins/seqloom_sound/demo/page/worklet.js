// Runs in the browser's audio thread: hands the microphone's samples over in blocks.

const SIZE = 2048; // samples of a block

registerProcessor(
  "recorder",
  class extends AudioWorkletProcessor {
    #block = new Float32Array(SIZE);
    #filled = 0;

    process([[samples]]) {
      for (const value of samples ?? []) {
        this.#block[this.#filled++] = value;
        if (this.#filled < SIZE) continue;
        this.port.postMessage(this.#block);
        this.#block = new Float32Array(SIZE);
        this.#filled = 0;
      }
      return true;
    }
  },
);
