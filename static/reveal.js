"use strict";
// Veiled media: looking is a choice. The button takes the veil off and starts what plays.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal-button]");
  if (!button) return;
  const frame = button.closest("[data-reveal]");
  for (const veiled of frame.querySelectorAll(".veiled")) {
    veiled.classList.remove("veiled");
    if (veiled instanceof HTMLVideoElement) {
      veiled.focus({ preventScroll: true });
      veiled.play().catch(() => {});
    }
  }
  frame.dispatchEvent(new CustomEvent("revealed", { bubbles: true }));
});
