/** What polled fragments need besides htmx: what is open, focused or typed stays, hidden tabs rest, silence is told. */

const openedBefore = new Set();
const closedBefore = new Set();
const REACHABLE = "a[href], button, summary, input, select, textarea";
let focusedBefore = null;

const nameOf = (details) => details.id || details.querySelector("summary")?.textContent.trim();

/** What tells one element from others after its like has taken its place: no id is needed for that. */
const likenessOf = (element) =>
  [element.tagName, element.name, element.getAttribute("href"), element.textContent.trim()].join("\n");

const thoseLike = (likeness) =>
  [...document.querySelectorAll(REACHABLE)].filter((element) => likenessOf(element) === likeness);

// What a browser filled in by itself does not count: it would hold the news up for ever.
const typedInto = new WeakSet();
const isPoll = (event) => !event.detail.requestConfig.triggeringEvent;

/** Whoever types into a fragment keeps it as it is until the form is sent; the answer to a form is always shown. */
function keepWhatIsTyped(event) {
  const fields = [...event.detail.target.querySelectorAll("textarea, input")];
  const isTyping = fields.some((field) => typedInto.has(field) && field.value !== field.defaultValue);
  if (isPoll(event) && isTyping) event.detail.shouldSwap = false;
}

function remember(event) {
  openedBefore.clear();
  closedBefore.clear();
  for (const details of event.detail.target.querySelectorAll("details")) {
    (details.open ? openedBefore : closedBefore).add(nameOf(details));
  }
  const focused = document.activeElement;
  focusedBefore = null;
  if (event.detail.target.contains(focused)) {
    const likeness = likenessOf(focused);
    focusedBefore = { likeness, place: thoseLike(likeness).indexOf(focused) };
  }
}

function restore() {
  for (const details of document.querySelectorAll("details")) {
    if (openedBefore.has(nameOf(details))) details.open = true;
    else if (closedBefore.has(nameOf(details))) details.open = false;
  }
  if (focusedBefore && document.activeElement === document.body) {
    thoseLike(focusedBefore.likeness)[focusedBefore.place]?.focus({ preventScroll: true });
  }
}

function restWhileHidden(event) {
  if (document.hidden && isPoll(event)) event.preventDefault();
}

function tellSilence(isSilent) {
  const strip = document.querySelector("[data-silence]");
  if (strip) strip.hidden = !isSilent;
}

export function startLiveFragments() {
  document.addEventListener("input", (event) => typedInto.add(event.target));
  document.addEventListener("htmx:beforeSwap", keepWhatIsTyped);
  document.addEventListener("htmx:beforeSwap", remember);
  document.addEventListener("htmx:afterSwap", restore);
  document.addEventListener("htmx:beforeRequest", restWhileHidden);
  document.addEventListener("htmx:sendError", () => tellSilence(true));
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr?.status ?? 0;
    if (status) tellSilence(status >= 500);
  });
}
