import { announce } from "./announce.js";

async function writeText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // The clipboard API is missing on plain http; a selected field still copies.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden-text";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

async function copy(button) {
  try {
    await writeText(button.dataset.copy);
  } catch {
    announce("Copying was refused by the browser. Select the value and copy it.");
    return;
  }
  button.textContent = "Copied";
  button.dataset.copied = "";
  announce("Copied");
  setTimeout(() => {
    button.textContent = "Copy";
    delete button.dataset.copied;
  }, 2000);
}

export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
