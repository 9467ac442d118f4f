"use strict";
// A clip on the wall plays while one looks at it: under the pointer, or while its title has the focus.
const calm = matchMedia("(prefers-reduced-motion: reduce)");

for (const video of document.querySelectorAll("[data-wall]")) {
  const work = video.closest(".work");
  const play = () => calm.matches || video.play().catch(() => {});
  work.addEventListener("pointerenter", play);
  work.addEventListener("focusin", play);
  work.addEventListener("pointerleave", () => video.pause());
  work.addEventListener("focusout", () => video.pause());
}
