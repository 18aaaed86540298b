// The pad for texts: a box to type in, which is read as one types.

const byId = (id) => document.getElementById(id);

export function start(model, page) {
  const [box, button] = ["text", "clear"].map(byId);

  function changed() {
    const empty = !box.value.trim();
    button.disabled = !box.value;
    if (!empty) return page.sendSoon();
    page.drop();
    page.say("");
    page.clear();
  }

  function clear() {
    box.value = "";
    changed();
    box.focus();
  }

  box.addEventListener("input", changed);
  button.addEventListener("click", clear);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box.value) clear();
  });
  if (box.value) changed(); // the browser has kept it
  return { request: () => ({ body: { text: box.value } }) };
}
