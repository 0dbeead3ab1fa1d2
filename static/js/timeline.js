import { announce } from "./announce.js";

const KEYS = { ArrowRight: 1, ArrowLeft: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };

/** One stop for Tab instead of a hundred; the arrows go from bar to bar, and the words of each stand below. */
function start(timeline) {
  const bars = [...timeline.querySelectorAll("svg a[href]")];
  const details = timeline.querySelector("[data-timeline-details]");
  if (!bars.length) return;
  let current = bars.at(-1);
  const wordsOf = (bar) => bar.querySelector("title").textContent;

  const show = (bar) => {
    details.textContent = wordsOf(bar);
    details.dataset.read = "";
  };
  const reach = (bar) => {
    current.setAttribute("tabindex", "-1");
    current = bar;
    current.setAttribute("tabindex", "0");
  };

  for (const bar of bars) bar.setAttribute("tabindex", "-1");
  reach(current);

  timeline.addEventListener("pointerover", (event) => {
    const bar = event.target.closest("svg a[href], svg g.none");
    if (bar) show(bar);
  });
  timeline.addEventListener("focusin", (event) => {
    const bar = event.target.closest("svg a[href]");
    if (!bar) return;
    reach(bar);
    show(bar);
  });
  timeline.addEventListener("keydown", (event) => {
    const step = KEYS[event.key];
    if (!step || !event.target.closest("svg a[href]") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const place = Math.min(Math.max(bars.indexOf(current) + step, 0), bars.length - 1);
    bars[place].focus();
  });
  // The browser opens the table of a row that is linked to; an older one is helped.
  timeline.addEventListener("click", (event) => {
    const bar = event.target.closest("svg a[href]");
    if (!bar) return;
    timeline.querySelector("details").open = true;
    announce(wordsOf(bar));
  });
}

for (const timeline of document.querySelectorAll("[data-timeline]")) start(timeline);
