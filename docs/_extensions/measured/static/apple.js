// The figure "Which Apple?": a slider over the words, and a button for each sentence.
"use strict";

for (const figure of document.querySelectorAll(".apple")) {
  const panels = [...figure.querySelectorAll(".apple-panel")];
  const controls = figure.querySelector(".apple-controls");
  const percent = (value) => `${(100 * value).toFixed(1)}%`;
  let current = 0;

  const buttons = panels.map((panel, index) => {
    const button = document.createElement("button");
    button.type = "button";
    const words = [...panel.querySelectorAll(".apple-words span")].map((one) => one.textContent);
    button.textContent = `… ${words.slice(4, 8).join(" ")}`;
    button.addEventListener("click", () => show(index, Number(slider.value)));
    return button;
  });
  const label = document.createElement("label");
  const told = document.createElement("output");
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 1;
  slider.addEventListener("input", () => show(current, Number(slider.value)));
  label.append(told, slider);
  const choices = document.createElement("div");
  choices.className = "apple-choices";
  choices.append(...buttons);
  controls.append(choices, label);
  controls.hidden = false;

  function show(index, words) {
    current = index;
    panels.forEach((panel, place) => (panel.hidden = place !== index));
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", place === index));
    const panel = panels[index];
    const chips = [...panel.querySelectorAll(".apple-words span")];
    slider.max = chips.length;
    slider.value = words;
    told.textContent = `${words} of ${chips.length} words read`;
    chips.forEach((chip, place) => chip.classList.toggle("unread", place >= words));
    const models = JSON.parse(panel.dataset.models);
    for (const row of panel.querySelectorAll(".apple-row")) {
      const [company, fruit] = models[row.dataset.model][words - 1];
      row.querySelector(".apple-company").textContent = `company ${percent(company)}`;
      row.querySelector(".apple-fruit").textContent = `fruit ${percent(fruit)}`;
      row.querySelector("i").style.width = percent(company);
    }
    let reach = 0;
    for (const dot of panel.querySelectorAll("circle")) {
      const [x, y] = JSON.parse(dot.dataset.points)[words - 1];
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      reach = x;
    }
    panel.querySelector("clipPath rect").setAttribute("width", reach);
  }

  show(0, Math.min(5, panels[0].querySelectorAll(".apple-words span").length));
}
