// Sends requests to the model, not too often, and drops answers that newer ones replaced.

const PAUSE = 150; // milliseconds between questions while the pen is down
const PAGE = Math.random().toString(36).slice(2);

export class Asker {
  #asked = 0; // questions so far
  #least = 1; // the first question whose answer is still wanted
  #flying = 0; // questions without an answer
  #last = 0; // when the last one was sent
  #timer = null;

  /** question() gives {body, place}; answered(prediction, place) and failed(sentence) take what comes. */
  constructor({ question, answered, failed }) {
    Object.assign(this, { question, answered, failed });
  }

  /** Asks at once. */
  async ask() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const number = ++this.#asked;
    this.#last = performance.now();
    this.#flying++;
    try {
      const { body, place } = await this.question();
      const { status, found } = await send(body);
      if (number < this.#least) return;
      if (status === 409) return; // a newer question is on its way
      this.#least = number + 1;
      if (found.error) this.failed(found.error);
      else this.answered(found, place);
    } catch {
      if (number >= this.#least) this.failed("The demo does not answer. Is it still running?");
    } finally {
      this.#flying--;
    }
  }

  /** Asks soon, unless that is under way. */
  askSoon() {
    if (this.#timer !== null) return;
    const rest = Math.max(0, this.#last + PAUSE - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#flying) this.askSoon();
      else this.ask();
    }, this.#flying ? PAUSE : rest);
  }

  /** Wants no answer to what was asked so far. */
  forget() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#least = this.#asked + 1;
  }
}

async function send(body) {
  const json = !(body instanceof Blob);
  const response = await fetch("read", {
    method: "POST",
    headers: { "Content-Type": json ? "application/json" : "image/*", "X-Page": PAGE },
    body: json ? JSON.stringify(body) : body,
  });
  return { status: response.status, found: await response.json() };
}
