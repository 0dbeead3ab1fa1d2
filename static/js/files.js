/** The list of files that will be written follows what is typed; without a script it shows what is stored. */

function pathsOf(section, part) {
  const directories = section.querySelector("[data-files-directories]").value.split("\n");
  const isCustom = section.querySelector("[data-files-custom]").checked;
  const field = section.querySelector(`[data-files-name="${part}"]`);
  const name = (isCustom && field.value.trim()) || field.placeholder;
  const used = directories.map((line) => line.trim().replace(/\/$/, "")).filter(Boolean);
  return (used.length ? used : ["…"]).map((directory) => `${directory}/${name}`);
}

function redraw(section) {
  for (const item of section.querySelectorAll("[data-files-part]")) {
    const shown = item.querySelector("[data-files-path]");
    shown.replaceChildren(
      ...pathsOf(section, item.dataset.filesPart).flatMap((path, at) => (at ? [document.createElement("br"), path] : [path])),
    );
  }
}

for (const section of document.querySelectorAll(".server")) {
  section.addEventListener("input", () => redraw(section));
  redraw(section);
}
