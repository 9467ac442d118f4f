"use strict";
// A clip on the wall plays while one looks at it: under the pointer, or while something of it has the focus.
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const video = (event) => event.target instanceof Element && event.target.closest(".work")?.querySelector("[data-wall]");
  const play = (event) => {
    const clip = video(event);
    if (clip && clip.paused && !calm.matches) clip.play().catch(() => {});
  };
  const rest = (event) => {
    const clip = video(event);
    const next = event.relatedTarget;
    if (clip && !(next instanceof Node && clip.closest(".work").contains(next))) clip.pause();
  };
  document.addEventListener("pointerover", play);
  document.addEventListener("focusin", play);
  document.addEventListener("pointerout", rest);
  document.addEventListener("focusout", rest);
})();
