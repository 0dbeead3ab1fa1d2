const MINUTE = 60, HOUR = 3600, DAY = 86400, YEAR = 365 * DAY;
const LADDER = [
  [100, 1, "second"],
  [100 * MINUTE, MINUTE, "minute"],
  [2 * DAY, HOUR, "hour"],
  [2 * YEAR, DAY, "day"],
  [Infinity, YEAR, "year"],
];

/** The words of `config/lib/wording.py`, to keep an open page right; change both. */
function relative(moment, now) {
  const seconds = (moment - now) / 1000;
  if (Math.abs(seconds) < 10) return "just now";
  const whole = Math.trunc(Math.abs(seconds));
  const [, size, unit] = LADDER.find(([limit]) => whole < limit);
  const count = Math.trunc(whole / size);
  const words = `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;
  return seconds > 0 ? `in ${words}` : `${words} ago`;
}

function refresh() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const words = relative(Date.parse(element.dateTime), now);
    if (element.textContent !== words) element.textContent = words;
  }
}

export function startRelativeTimes() {
  setInterval(refresh, 10_000);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}
