/** One polite live region per page, for what a script did (copied, updated). */
export function announce(words) {
  const region = document.querySelector("[data-announce]");
  if (region) region.textContent = words;
}

/** A polled fragment marks itself `data-announce-state="…"`; a change of that text is read out once. */
export function startAnnouncing() {
  let last = document.querySelector("[data-announce-state]")?.dataset.announceState;
  document.addEventListener("htmx:afterSettle", () => {
    const state = document.querySelector("[data-announce-state]")?.dataset.announceState;
    if (state && state !== last) announce(state);
    last = state;
  });
}
