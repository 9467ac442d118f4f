"use strict";
// The page of a job, while it is polled: say what changed once, keep the last preview until the next has arrived.
const says = document.querySelector("#job-says");
const title = document.title;
let said = document.querySelector("[data-job]").dataset.says;
let previous = null;

document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.shouldSwap && !event.detail.serverResponse.includes("data-job")) {
    event.detail.shouldSwap = false; // another page came, such as the sign-in after a session ended
    location.reload();
    return;
  }
  previous = event.detail.target.querySelector("[data-preview]");
});

document.body.addEventListener("htmx:afterSettle", () => {
  const job = document.querySelector("[data-job]");
  if (!job) return;
  if (job.dataset.says !== said) {
    said = job.dataset.says;
    says.textContent = said;
    document.title = `${said} · ${title}`;
  }
});

document.body.addEventListener("htmx:afterSwap", () => {
  const next = document.querySelector("[data-preview]");
  if (!next || !previous || next.complete) return;
  const last = previous;
  last.classList.add("job__preview--last");
  last.alt = "";
  next.before(last);
  next.addEventListener("load", () => last.remove(), { once: true });
});
