/** What polled fragments need besides htmx: opened details stay open, hidden tabs rest, silence is told. */

const openedBefore = new Set();

function rememberOpened(event) {
  openedBefore.clear();
  for (const details of event.detail.target.querySelectorAll("details[id][open]")) openedBefore.add(details.id);
}

function reopen() {
  for (const id of openedBefore) {
    const details = document.getElementById(id);
    if (details instanceof HTMLDetailsElement) details.open = true;
  }
}

function restWhileHidden(event) {
  const isPoll = !event.detail.requestConfig.triggeringEvent;
  if (document.hidden && isPoll) event.preventDefault();
}

function tellSilence(isSilent) {
  const strip = document.querySelector("[data-silence]");
  if (strip) strip.hidden = !isSilent;
}

export function startLiveFragments() {
  document.addEventListener("htmx:beforeSwap", rememberOpened);
  document.addEventListener("htmx:afterSwap", reopen);
  document.addEventListener("htmx:beforeRequest", restWhileHidden);
  document.addEventListener("htmx:sendError", () => tellSilence(true));
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr?.status ?? 0;
    if (status) tellSilence(status >= 500);
  });
}
