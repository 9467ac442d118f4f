"use strict";
// One stream of events for all jobs on the page. It opens only where there are elements with data-live-job, rests while
// nobody looks at the page, and closes when all of them have ended. Inside such an element, these are kept up to date:
// [data-live-progress] (a progress), [data-live-says], [data-live-step], [data-live-place], [data-live-eta] (words),
// [data-live-state] (its shape) and [data-preview] (a picture). What these cannot say (another state or obstacle, a first
// picture) fires "live:changed" on it. Aloud: a page's only job from turn to turn; of several, or where the page is about
// something else (data-quietly), the ends and halts, by their names (data-live-name).
(() => {
  const says = document.getElementById("live-says");
  if (!says || !window.EventSource) return;
  const title = document.title;
  const patience = 15_000; // milliseconds without a word from the site, after which the page says that it is blind
  const latest = new Map(); // job -> the last telling
  const names = new Map(); // job -> its name on this page
  const news = new Map(); // words to be spoken -> names of the jobs they are about
  let stream = null;
  let listening = new Set(); // the jobs that the stream, or the one that said goodbye, is about
  let pause = 0;
  let timer = 0;
  let doubts = 0;
  let blind = ""; // why the page does not know how things are; empty: it knows

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
  let active = null; // what had the focus: what htmx moves along loses it in some browsers
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    active = document.activeElement;
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
    if (active?.isConnected && document.activeElement === document.body) active.focus({ preventScroll: true });
    show();
  });

  const turn = (telling) => [telling.state, telling.waits_for, telling.stopping].join(" ");
  const known = (telling) => (telling.waits_for === "halt" ? "halted" : telling.state);
  const hasEnded = (telling) => !["queued", "running"].includes(telling.state);

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
      for (const place of element.querySelectorAll("[data-live-state]")) place.dataset.state = known(telling);
      if (differs || begins) element.dispatchEvent(new CustomEvent("live:changed", { bubbles: true, detail: telling }));
    }
    if (before && before.says !== telling.says) mention(before, telling);
  }

  // The first word on a job: does the page show another state? Then it was rendered before the change.
  function shown(element, telling) {
    const state = element.querySelector("[data-state]");
    return Boolean(state) && state.dataset.state !== known(telling);
  }

  function mention(before, telling) {
    const isOnly = listening.size === 1 && !("quietly" in says.dataset);
    const matters = hasEnded(telling) || [before, telling].some((each) => each.waits_for === "halt");
    if (isOnly) document.title = hasEnded(telling) ? title : `${telling.says} · ${title}`;
    if (!isOnly && !matters) return;
    if (!news.size) setTimeout(speak, 400); // variations end together: one sentence for all of them
    if (isOnly) news.clear(); // what it says now makes old what it said before
    news.set(telling.says, [...(news.get(telling.says) ?? []), isOnly ? "" : names.get(telling.id)]);
  }

  function speak() {
    const sentences = [...news].map(([words, about]) => [about.filter(Boolean).join(", "), words].filter(Boolean).join(": "));
    news.clear();
    says.textContent = sentences.join(". ");
  }

  // Whether the page knows how things are stands in words where one sees it, with the way to find out.
  function show() {
    const notice = document.getElementById("live-lost");
    if (!notice) return;
    notice.hidden = !blind;
    notice.querySelector("[data-words]").textContent = blind;
  }

  function lose(words) {
    document.title = title;
    says.textContent = blind = words;
    show();
  }

  function find() {
    clearTimeout(doubts);
    doubts = pause = 0;
    if (!blind) return;
    blind = says.textContent = "";
    show();
  }

  function doubt() {
    if (!blind) doubts ||= setTimeout(() => lose(says.dataset.lost), patience);
  }

  function close() {
    clearTimeout(timer);
    if (stream) stream.close();
    stream = null;
    listening = new Set();
    document.title = title;
  }

  function rest() {
    close();
    clearTimeout(doubts);
    doubts = 0;
  }

  function again() {
    close();
    doubt();
    pause = Math.min(60, pause ? pause * 2 : 2);
    timer = setTimeout(open, pause * 1000);
  }

  function open() {
    const jobs = wanted();
    if (document.hidden || !jobs.length) return rest();
    if (stream && jobs.every((job) => listening.has(job))) return;
    close();
    listening = new Set(jobs);
    for (const each of document.querySelectorAll("[data-live-name]")) names.set(each.dataset.liveJob, each.dataset.liveName);
    stream = new EventSource(`${says.dataset.liveUrl}?${jobs.slice(0, 60).map((job) => `job=${job}`).join("&")}`);
    stream.addEventListener("message", (event) => {
      find();
      tell(JSON.parse(event.data));
    });
    stream.addEventListener("bye", (event) => {
      const { why } = JSON.parse(event.data);
      if (why === "closing") return again();
      if (why !== "done") {
        rest();
        return lose(why === "crowded" ? says.dataset.crowded : says.dataset.lost);
      }
      stream.close(); // "listening" stays: these jobs need no stream any more
      find();
      document.title = title;
    });
    stream.addEventListener("error", () => {
      if (stream && stream.readyState === EventSource.CLOSED) again();
      else doubt(); // the browser connects again by itself
    });
  }

  document.addEventListener("visibilitychange", open);
  document.body.addEventListener("htmx:afterSettle", open); // other elements may have come
  addEventListener("pagehide", rest);
  addEventListener("pageshow", open);
  open();
})();
