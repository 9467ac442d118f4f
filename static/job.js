"use strict";
// The page of a job: if another page comes in place of one of its parts, the whole page is loaded anew.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target, serverResponse, shouldSwap } = event.detail;
  const isPart = ["job", "variations"].includes(target.id); // a star and the tags are parts of their own
  if (!shouldSwap || !isPart || serverResponse.includes("data-job")) return;
  event.detail.shouldSwap = false;
  location.reload();
});

// A clip begins by itself when it arrives, except for who asked for calm: theirs plays when they start it, and once.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const begun = new WeakSet();
function begin() {
  const clip = document.getElementById("clip");
  if (!clip || begun.has(clip)) return;
  begun.add(clip);
  clip.loop = !calm.matches;
  if (!calm.matches) clip.play().catch(() => { /* not allowed here: it has controls */ });
}
document.body.addEventListener("htmx:afterSettle", begin);
begin();

// The brief has arrived: the studio need not keep it in this tab any more.
try { sessionStorage.removeItem(`sent from ${location.pathname.replace(/\/jobs\/.*/, "")}`); } catch { /* not allowed */ }
