/** `<input type="checkbox" data-check-all="id">` ticks every checkbox of its form that has this name, and follows them. */
function boxesOf(master) {
  return [...master.form.querySelectorAll(`input[type="checkbox"][name="${master.dataset.checkAll}"]`)];
}

function follow(master) {
  const ticked = boxesOf(master).filter((box) => box.checked).length;
  master.checked = ticked > 0 && ticked === boxesOf(master).length;
  master.indeterminate = ticked > 0 && !master.checked;
  const more = master.form.querySelector("details.bulk");
  if (more && ticked > 0) more.open = true;
}

export function startChoosing() {
  document.addEventListener("change", (event) => {
    const changed = event.target;
    if (!(changed instanceof HTMLInputElement) || changed.type !== "checkbox" || !changed.form) return;
    const master = changed.form.querySelector("[data-check-all]");
    if (!master) return;
    if (changed === master) for (const box of boxesOf(master)) box.checked = master.checked;
    follow(master);
  });
}
