// Files that are brought to a pad.

/** Calls take(file) for files that are dropped, pasted or chosen. */
export function watchFiles(area, input, take) {
  const taking = (files) => {
    const [file] = files ?? [];
    if (file) take(file);
  };
  input.addEventListener("change", () => {
    taking(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
  addEventListener("paste", (event) => taking(event.clipboardData?.files));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault(); // else the browser would show the file in place of the page
    area.classList.remove("over");
    taking(event.dataTransfer?.files);
  });
}
