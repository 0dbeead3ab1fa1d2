/**
 * `<form data-confirm="What will happen to what" data-confirm-label="Delete">` asks once in a dialog.
 * Forms whose harm is great use components/confirm.html, which asks without a script too.
 */
function buildDialog(form, submitter) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  const text = document.createElement("p");
  text.textContent = form.dataset.confirm;
  text.id = "confirm-text";
  dialog.setAttribute("aria-labelledby", text.id);
  const actions = document.createElement("form");
  actions.method = "dialog";
  actions.className = "form__actions";
  const agree = document.createElement("button");
  agree.className = "button button--danger";
  agree.value = "yes";
  agree.textContent = form.dataset.confirmLabel || submitter?.textContent.trim() || "Continue";
  const cancel = document.createElement("button");
  cancel.className = "button button--quiet";
  cancel.value = "no";
  cancel.textContent = "Cancel";
  cancel.autofocus = true;
  actions.append(agree, cancel);
  dialog.append(text, actions);
  return dialog;
}

export function startConfirming() {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!form.dataset.confirm || form.dataset.confirmed) return;
      event.preventDefault();
      event.stopPropagation();
      const dialog = buildDialog(form, event.submitter);
      document.body.append(dialog);
      dialog.addEventListener("close", () => {
        dialog.remove();
        if (dialog.returnValue !== "yes") return;
        form.dataset.confirmed = "yes";
        form.requestSubmit(event.submitter);
        delete form.dataset.confirmed;
      });
      dialog.showModal();
    },
    true,
  );
}
