"use strict";
// Reviewing without a pointer, the heartbeat of a claim, and the clock of an undo. Every page works without it.

const typing = (element) => element.matches("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");
const pressable = (element) => element.matches("a, button, summary, video, input");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  if ((event.key === "Enter" || event.key === " ") && pressable(event.target)) return; // it is meant for that element
  const target = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}" i]`);
  if (!target || target.disabled) return;
  event.preventDefault();
  if (target instanceof HTMLVideoElement) target.paused ? target.play() : target.pause();
  else target.click();
});

// Marks: the range of a no from where the player stands.
const clip = document.getElementById("clip");
for (const group of document.querySelectorAll("[data-marks]")) group.hidden = !clip;
document.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-mark]");
  if (mark && clip) document.getElementById(mark.dataset.mark).value = clip.currentTime.toFixed(2);
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).value).then(() => {
      copy.textContent = copy.dataset.copied;
    });
  }
});
if (navigator.clipboard) for (const copy of document.querySelectorAll("[data-copy]")) copy.hidden = false;

// Heartbeat: while somebody looks at the page, the claim goes on.
const verdict = document.querySelector("form[data-renew]");
const renew = async () => {
  if (document.hidden) return;
  const token = new FormData(verdict).get("csrfmiddlewaretoken");
  const answer = await fetch(verdict.dataset.renew, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => null);
  if (!answer) return; // no network: the next beat tries again
  const lease = document.getElementById("lease");
  if (answer.ok && !answer.redirected) { // else it led to the sign-in
    const until = await answer.json();
    lease.dateTime = until.leased_until;
    lease.textContent = until.words;
  } else {
    document.querySelector("[data-lost]").hidden = false;
    clearInterval(beat);
  }
};
const beat = verdict && setInterval(renew, 60_000);

// The half minute in which a decision can be undone.
const undoable = document.querySelectorAll("[data-until]");
const tick = () => {
  for (const notice of undoable) {
    const left = Math.ceil((Date.parse(notice.dataset.until) - Date.now()) / 1000);
    const words = notice.querySelector("[data-words]");
    if (left > 0) notice.querySelector("[data-left]").textContent = left;
    else {
      words.textContent = words.dataset.after;
      notice.querySelector("form")?.remove();
    }
  }
};
if (undoable.length) setInterval(tick, 1000);

document.querySelector("[aria-invalid=true]")?.focus();
