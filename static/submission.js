"use strict";
// A submission's page: a timecode plays its passage in the player above, and the drawn regions show when they are meant.
// Without it a timecode opens the clip at that passage, and all regions show.

const clip = document.getElementById("clip");
const regions = [...document.querySelectorAll(".regions rect")];
let until = null;

const meant = (region) => clip.currentTime >= Number(region.dataset.from) - 0.05 && clip.currentTime <= Number(region.dataset.until) + 0.05;
const show = () => {
  if (until !== null && clip.currentTime >= until) {
    until = null;
    clip.pause();
  }
  for (const region of regions) region.toggleAttribute("hidden", !meant(region));
};

document.addEventListener("click", (event) => {
  const jump = event.target.closest("[data-seek]");
  if (jump && clip) {
    event.preventDefault();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || jump.dataset.region;
    clip.pause();
    clip.currentTime = Number(jump.dataset.seek);
    until = Number(jump.dataset.until);
    if (until <= Number(jump.dataset.seek)) until = null;
    if (!calm) clip.play().catch(() => {}); // a browser may want a gesture on the player itself
    clip.scrollIntoView({ block: "nearest" });
    return;
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).value).then(() => {
      copy.textContent = copy.dataset.copied;
    });
  }
});

if (clip) {
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) clip.addEventListener(name, show);
  show();
}
if (navigator.clipboard) for (const copy of document.querySelectorAll("[data-copy]")) copy.hidden = false;
