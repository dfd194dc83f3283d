// The console's pages work as forms; this adds the policy's answer while somebody writes, and fresh pages.
import "./signing.js";

const form = document.querySelector("form[data-answer]");
if (form) {
  const panel = form.querySelector(".answer");
  let waiting, newest = 0;
  const show = (answer) => {
    panel.className = `card answer ${answer.verdict}`;
    panel.querySelector(".verdict").textContent = answer.title;
    panel.querySelector(".code").textContent = answer.code;
    panel.querySelector(".lines").replaceChildren(
      ...answer.lines.map((line) => {
        const item = document.createElement("li");
        item.textContent = line;
        return item;
      }),
    );
  };
  const look = async () => {
    const mine = ++newest;
    const response = await fetch(`${form.dataset.answer}?${new URLSearchParams(new FormData(form))}`);
    if (mine === newest && response.ok && !response.redirected) show(await response.json());
  };
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  };
  form.addEventListener("input", later);
  later();
}

const watched = document.querySelector("[data-watch]");
if (watched) {
  const { watch, version } = watched.dataset;
  const follow = async () => {
    try {
      const response = await fetch(`/v1/transfers/${watch}?wait=25&version=${version}`);
      if (response.ok && (await response.json()).version !== version) return location.reload();
    } catch {
      await new Promise((resume) => setTimeout(resume, 5000));
    }
    return follow();
  };
  follow();
}

for (const input of document.querySelectorAll("input[data-into]")) {
  input.addEventListener("change", async () => {
    if (input.files[0]) document.getElementById(input.dataset.into).value = await input.files[0].text();
  });
}
