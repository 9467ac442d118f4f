"use strict";
// Keys, the clock of an undo, and copying a link. Every page works without it.

const typing = (element) => element.matches("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])");
const pressable = (element) => element.matches("a, button, summary, input");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  if ((event.key === "Enter" || event.key === " ") && pressable(event.target)) return; // it is meant for that element
  const target = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}" i]`);
  if (!target || target.disabled || target.closest("[hidden]")) return;
  event.preventDefault();
  target.click();
});

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).value).then(() => {
    copy.textContent = copy.dataset.copied;
  });
});
if (navigator.clipboard) for (const copy of document.querySelectorAll("[data-copy]")) copy.hidden = false;

// The half minute in which a decision can be undone. What is over stays in its place, so that nothing moves. The server
// says how much of it is left: the clock on the wall here may be wrong.
const ends = new WeakMap();
function tick() {
  for (const notice of document.querySelectorAll("[data-undo-left]")) {
    if (!ends.has(notice)) ends.set(notice, performance.now() + 1000 * Number(notice.dataset.undoLeft));
    const left = Math.ceil((ends.get(notice) - performance.now()) / 1000);
    const words = notice.querySelector("[data-words]");
    if (left > 0) notice.querySelector("[data-left]").textContent = left;
    else if (words.dataset.after) {
      words.textContent = words.dataset.after;
      words.dataset.after = "";
      for (const button of notice.querySelectorAll("button")) button.disabled = true;
    }
  }
}
tick();
setInterval(tick, 1000);
document.addEventListener("screen:open", tick);

document.querySelector("[aria-invalid=true]")?.focus();
