"use strict";
// The bar for chosen clips: shown while some are chosen, with how many; Compare waits for two. Without this script it
// stands below the wall, and the server says what is missing.
(() => {
  const boxes = () => document.querySelectorAll("input[name=chosen]");

  function count() {
    const bar = document.querySelector("[data-chosen]");
    if (!bar) return;
    const chosen = [...boxes()].filter((box) => box.checked).length;
    bar.classList.add("chosen--bar");
    bar.querySelector("[data-choose-none]").hidden = false;
    bar.hidden = chosen === 0 && !bar.querySelector(".errorlist");
    bar.querySelector("[data-chosen-count]").textContent = bar.dataset.words.replace("{n}", chosen);
    bar.querySelector("[data-pair]").disabled = chosen !== 2;
  }

  document.addEventListener("change", (event) => { if (event.target.name === "chosen") count(); });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-choose-none]")) return;
    for (const box of boxes()) box.checked = false;
    count();
  });
  document.body.addEventListener("htmx:afterSettle", count);
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 422) event.detail.shouldSwap = true; // the form with its sentences
    const answer = event.detail.serverResponse;
    const wants = event.detail.target.id;
    if (event.detail.shouldSwap && wants === "wall-page" && !answer.includes('id="wall-page"')) {
      event.detail.shouldSwap = false; // another page came: the two clips side by side
      location.assign(event.detail.xhr.responseURL || location.href);
    }
  });
  addEventListener("pageshow", count); // boxes may be ticked already when one comes back
  count();
})();
