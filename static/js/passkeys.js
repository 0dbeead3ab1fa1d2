/** Says on the page that the browser gave no passkey; the scripts of allauth.mfa only tell it as an event. */
export function startPasskeys() {
  const words = document.querySelector("[data-passkey-trouble]");
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    if (words) words.hidden = false;
  });
}
