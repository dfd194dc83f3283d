// Forms that a passkey signs: the browser asks the authenticator, and the form carries the answer.
import { assertion, register } from "./passkeys.js";

const ask = { assertion, register };

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const error = form.querySelector(".error");
    button.disabled = true;
    error.hidden = true;
    try {
      const answer = await ask[form.dataset.passkey](JSON.parse(form.dataset.options));
      form.elements.answer.value = JSON.stringify(answer);
      form.submit();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}

window.addEventListener("pageshow", (event) => event.persisted && location.reload());
