"use strict";
// The page of a job: if another page comes in place of one of its parts, such as the sign-in after a session ended,
// the whole page is loaded anew.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.shouldSwap || event.detail.serverResponse.includes("data-job")) return;
  if (!event.target.closest("#job, #variations")) return; // a star is a part of its own
  event.detail.shouldSwap = false;
  location.reload();
});

// The brief has arrived: the studio need not keep it in this tab any more.
try { sessionStorage.removeItem(`sent from ${location.pathname.replace(/\/jobs\/.*/, "")}`); } catch { /* not allowed */ }
