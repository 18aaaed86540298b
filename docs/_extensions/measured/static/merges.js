// The buttons of the merges: each shows its panel and hides the others.
for (const playground of document.querySelectorAll(".measured-merges")) {
  const group = playground.querySelector(".merges-buttons");
  group.hidden = false;
  group.addEventListener("click", ({ target }) => {
    const chosen = target.dataset.merge;
    if (!chosen) return;
    for (const button of group.children) {
      button.setAttribute("aria-pressed", String(button.dataset.merge === chosen));
    }
    for (const panel of playground.querySelectorAll("[data-panel]")) {
      panel.hidden = panel.dataset.panel !== chosen;
    }
  });
}
