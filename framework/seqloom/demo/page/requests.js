// Sends prediction requests, at a limited rate, and drops responses that are outdated.

const PAUSE = 150; // milliseconds between requests while the input changes
const PAGE = Math.random().toString(36).slice(2);

export class Requester {
  #sent = 0; // number of requests so far
  #first = 1; // the first request whose response is still wanted
  #pending = 0; // requests without a response
  #last = 0; // when the last one was sent
  #timer = null;

  /** request() returns {body, place}; answered(prediction, place) and failed(message) get the result. */
  constructor({ request, answered, failed }) {
    Object.assign(this, { request, answered, failed });
  }

  /** Sends a request now. */
  async send() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const number = ++this.#sent;
    this.#last = performance.now();
    this.#pending++;
    try {
      const { body, place } = await this.request();
      const { status, found } = await post(body);
      if (number < this.#first) return;
      if (status === 409) return; // a newer request has been sent
      this.#first = number + 1;
      if (found.error) this.failed(found.error);
      else this.answered(found, place);
    } catch {
      if (number >= this.#first) this.failed("The demo does not answer. Is it still running?");
    } finally {
      this.#pending--;
    }
  }

  /** Sends a request soon, unless one is already scheduled. */
  sendSoon() {
    if (this.#timer !== null) return;
    const rest = Math.max(0, this.#last + PAUSE - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#pending) this.sendSoon();
      else this.send();
    }, this.#pending ? PAUSE : rest);
  }

  /** Ignores the responses to all requests so far. */
  cancel() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#first = this.#sent + 1;
  }
}

async function post(body) {
  const json = !(body instanceof Blob);
  const kind = json ? "application/json" : body.type || "application/octet-stream";
  const response = await fetch("read", {
    method: "POST",
    headers: { "Content-Type": kind, "X-Page": PAGE },
    body: json ? JSON.stringify(body) : body,
  });
  return { status: response.status, found: await response.json() };
}
