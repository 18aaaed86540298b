// The page: lets the pad send what one enters to the model, and shows the predictions.

import * as pad from "./pad/pad.js";
import { Requester } from "./requests.js";
import { showModel, showNothing, showReading, showStatus } from "./show.js";

/** Starts the pad.
 *
 * Its module has a function start(model, page). It returns request(), which gives {body, place}: what
 * to send, a Blob or an object for JSON, and anything that answered(prediction, place), which may be
 * missing, needs to show it on the pad.
 */
async function start() {
  let model;
  try {
    model = await (await fetch("model")).json();
  } catch {
    showStatus("The demo does not answer. Is it still running?", true);
    return;
  }
  showModel(model);
  const requester = new Requester({
    request: () => own.request(),
    answered(found, place) {
      showStatus("");
      showReading(found);
      own.answered?.(found, place);
    },
    failed: (text) => showStatus(text, true),
  });
  const own = pad.start(model, {
    send: () => requester.send(), // now
    sendSoon: () => requester.sendSoon(), // at a limited rate, while the input changes
    drop: () => requester.cancel(), // ignore what has not been answered yet
    clear: showNothing, // show no prediction
    say: showStatus, // show a sentence; say(text, true) for a problem
  });
}

start();
