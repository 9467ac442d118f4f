"use strict";
// One stream of events for all jobs on the page. It opens only where there are elements with data-live-job, rests while
// nobody looks at the page, and closes when all of them have ended. Inside such an element, these are kept up to date:
// [data-live-progress] (a progress), [data-live-says], [data-live-step], [data-live-place], [data-live-eta] (words) and
// [data-preview] (a picture). What words cannot say (another state or obstacle, a first picture) fires "live:changed" on it.
(() => {
  const says = document.getElementById("live-says");
  if (!says || !window.EventSource) return;
  const title = document.title;
  const latest = new Map(); // job -> the last telling
  let stream = null;
  let listening = new Set(); // the jobs that the stream, or the one that said goodbye, is about
  let pause = 0;
  let timer = 0;

  const elements = (job) => document.querySelectorAll(`[data-live-job="${CSS.escape(job)}"]`);
  const wanted = () => [...new Set([...document.querySelectorAll("[data-live-job]")].map((each) => each.dataset.liveJob))].sort();

  function word(element, name, text) {
    for (const place of element.querySelectorAll(`[${name}]`)) if (place.textContent !== text) place.textContent = text;
  }

  function measure(element, telling) {
    for (const bar of element.querySelectorAll("[data-live-progress]")) {
      bar.max = telling.steps;
      if (telling.phase === "load") bar.removeAttribute("value");
      else bar.value = telling.phase === "denoise" ? telling.step : telling.steps;
    }
  }

  // The last picture stays until the next one has arrived: an <img> whose source is replaced would go blank meanwhile.
  function picture(element, url) {
    for (const image of element.querySelectorAll("img[data-preview]")) {
      if (!url || image.dataset.next === url || image.getAttribute("src") === url) continue;
      image.dataset.next = url;
      const loader = new Image();
      loader.addEventListener("load", () => { if (image.dataset.next === url) image.src = url; });
      loader.src = url;
    }
  }

  // A part of the page that is fetched anew brings an <img> that is still empty: the old one stands in for it.
  let last = new Map(); // job -> the picture shown before the swap
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    last = new Map();
    for (const image of event.detail.target.querySelectorAll("img[data-preview]")) {
      const job = image.closest("[data-live-job]")?.dataset.liveJob;
      if (job && image.complete) last.set(job, image);
    }
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const [job, image] of last) {
      for (const element of elements(job)) {
        const fresh = element.querySelector("img[data-preview]");
        if (!fresh || fresh === image || fresh.complete) continue;
        const url = fresh.getAttribute("src");
        fresh.replaceWith(image);
        picture(element, url);
      }
    }
    last.clear();
  });

  const turn = (telling) => [telling.state, telling.waits_for, telling.stopping].join(" ");

  function tell(telling) {
    const before = latest.get(telling.id);
    latest.set(telling.id, telling);
    for (const element of elements(telling.id)) {
      word(element, "data-live-says", telling.says);
      word(element, "data-live-step", telling.step_says);
      word(element, "data-live-place", telling.place_says);
      word(element, "data-live-eta", telling.eta_says);
      measure(element, telling);
      picture(element, telling.preview);
      const begins = telling.preview && !(before && before.preview) && !element.querySelector("[data-preview]");
      const differs = before ? turn(before) !== turn(telling) : shown(element, telling);
      if (differs || begins) element.dispatchEvent(new CustomEvent("live:changed", { bubbles: true, detail: telling }));
    }
    if (before && before.says !== telling.says) speak(telling.says);
  }

  // The first word on a job: does the page show another state? Then it was rendered before the change.
  function shown(element, telling) {
    const state = element.querySelector("[data-state]");
    const known = telling.waits_for === "halt" ? "halted" : telling.state;
    return Boolean(state) && state.dataset.state !== known;
  }

  function speak(words) {
    says.textContent = words;
    document.title = `${words} · ${title}`;
  }

  function close() {
    clearTimeout(timer);
    if (stream) stream.close();
    stream = null;
    listening = new Set();
  }

  function again() {
    close();
    pause = Math.min(60, pause ? pause * 2 : 2);
    if (pause > 30) says.textContent = says.dataset.lost;
    timer = setTimeout(open, pause * 1000);
  }

  function open() {
    const jobs = wanted();
    if (document.hidden || !jobs.length) return close();
    if (stream && jobs.every((job) => listening.has(job))) return;
    close();
    listening = new Set(jobs);
    stream = new EventSource(`${says.dataset.liveUrl}?${jobs.slice(0, 60).map((job) => `job=${job}`).join("&")}`);
    stream.addEventListener("message", (event) => {
      pause = 0;
      tell(JSON.parse(event.data));
    });
    stream.addEventListener("bye", (event) => {
      const { why } = JSON.parse(event.data);
      if (why === "done") return stream.close(); // "listening" stays: these jobs need no stream any more
      if (why === "closing") return again();
      close();
      if (why === "gone") says.textContent = says.dataset.lost;
    });
    stream.addEventListener("error", () => {
      if (stream && stream.readyState === EventSource.CLOSED) again(); // else the browser connects again by itself
    });
  }

  document.addEventListener("visibilitychange", open);
  document.body.addEventListener("htmx:afterSettle", open); // other elements may have come
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
