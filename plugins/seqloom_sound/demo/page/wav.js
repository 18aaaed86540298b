// Samples as the bytes of a WAV file: 16 bits, one channel.

const HEADER = 44; // bytes

export function asWav(samples, rate) {
  const view = new DataView(new ArrayBuffer(HEADER + 2 * samples.length));
  const text = (place, word) => {
    [...word].forEach((character, i) => view.setUint8(place + i, character.charCodeAt(0)));
  };
  text(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes per second
  view.setUint16(32, 2, true); // bytes of a sample
  view.setUint16(34, 16, true); // bits of it
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, i) => {
    const limited = Math.max(-1, Math.min(1, value));
    view.setInt16(HEADER + 2 * i, Math.round(limited * 32767), true);
  });
  return new Blob([view], { type: "audio/wav" });
}
