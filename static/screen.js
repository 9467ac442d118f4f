"use strict";
// The review screen: what is pressed is sent without leaving the page, so that the next clip, loaded beforehand, is there
// at once; the claim goes on while the page is open; and whatever is typed is kept. Every form works without it.
(() => {
  const BEAT = 30_000; // milliseconds between two signs of life
  const PAUSE = 800; // after the last letter, until what is typed is sent to be kept
  let form, mode, saving, beat, following, busy;

  const by = (id) => document.getElementById(id);
  const copy = () => `review ${form.dataset.reviewer} ${form.dataset.look}`; // the place of this tab's own copy
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const post = (url, body) => fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token(), "X-Swaps": "1" }, credentials: "same-origin" });

  function open() {
    form = document.querySelector("[data-screen]");
    clearInterval(beat);
    mode = null;
    if (!form) return;
    const scripted = form.querySelector("[data-scripted]");
    if (scripted) scripted.value = "1";
    restore();
    document.dispatchEvent(new CustomEvent("screen:open"));
    phrases();
    beat = setInterval(alive, BEAT);
    if (form.dataset.here) alive();
    if (form.dataset.ahead) setTimeout(ahead, 400, form);
    document.querySelector(".errorlist")?.closest("details")?.setAttribute("open", "");
    document.querySelector(".screen-page [aria-invalid=true]")?.focus();
  }

  // --- sent without leaving the page ---
  document.addEventListener("submit", async (event) => {
    if (!event.target.closest("[data-swaps]") || event.defaultPrevented) return;
    event.preventDefault();
    if (busy) return; // once is enough
    busy = true;
    if (event.target !== form) await save(); // an undo leaves the page, too
    const button = event.submitter;
    const url = button?.hasAttribute("formaction") ? button.formAction : event.target.action;
    const body = new FormData(event.target, button);
    performance.mark("sent");
    const answer = await post(url, body).catch(() => null);
    const unsent = document.querySelector("[data-unsent]");
    if (!answer) unsent.hidden = false;
    else await swap(answer);
    busy = false;
  });

  async function swap(answer) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) { location.reload(); return; }
    const before = form?.dataset.look;
    clearTimeout(saving);
    const after = fresh.querySelector("[data-screen]")?.dataset.look;
    // Of what the site acted on, no copy is needed. A sign-in, since the session has ended, is no act.
    const acted = answer.ok && (after ?? new URL(answer.url).pathname === form?.dataset.queue);
    if (acted && before && after !== before) sessionStorage.removeItem(copy());
    adopt(fresh);
    by("main").replaceWith(fresh);
    document.title = page.title;
    const there = answer.headers.get("X-Location") ?? (answer.redirected ? answer.url : "");
    if (there) history.pushState(null, "", there);
    for (const script of page.querySelectorAll("script[src]")) load(script.getAttribute("src"));
    if (before !== after) fresh.focus({ preventScroll: true });
    if (before !== after || fresh.querySelector("[role=alert]:not([hidden])")) scrollTo(0, 0);
    open();
    measure(fresh);
  }

  function load(src) {
    if (document.querySelector(`script[src="${CSS.escape(src)}"]`)) return;
    document.body.append(Object.assign(document.createElement("script"), { src }));
  }

  addEventListener("popstate", () => location.reload());

  // What was loaded beforehand takes its place, with its first frame in it.
  function adopt(fresh) {
    for (const [loaded, selector] of [[following?.video, "[data-clip]"], [following?.sheet, "[data-sheet]"]]) {
      const place = fresh.querySelector(selector);
      if (!loaded || !place || place.getAttribute("src") !== loaded.getAttribute("src")) continue;
      for (const { name, value } of place.attributes) if (name !== "src") loaded.setAttribute(name, value);
      place.replaceWith(loaded);
    }
    following = null;
  }

  // For those who want to know how long it takes: from what was pressed to the first frame, or the sheet, on the screen.
  function measure(fresh) {
    const clip = fresh.querySelector("[data-clip]");
    const sheet = fresh.querySelector("[data-sheet]");
    const done = () => requestAnimationFrame(() => performance.measure("to the next picture", "sent"));
    if (clip && clip.readyState < 2) clip.addEventListener("loadeddata", done, { once: true });
    else if (clip) done();
    else sheet?.decode().then(done, () => {});
  }

  async function ahead(asker) {
    if (asker !== form || document.hidden || following) return;
    const answer = await post(form.dataset.ahead, new FormData()).catch(() => null);
    if (!answer || answer.status !== 200 || answer.redirected) return;
    const { video, sheet } = await answer.json();
    following = { video: Object.assign(document.createElement("video"), { preload: "auto", muted: true }), sheet: new Image() };
    following.video.setAttribute("src", video);
    following.sheet.setAttribute("src", sheet);
  }

  // --- the claim, and who else is here ---
  async function alive() {
    if (document.hidden || !form?.isConnected) return;
    const renews = form.dataset.renew;
    const answer = await post(renews ?? form.dataset.here, renews ? new FormData(form) : new FormData()).catch(() => null);
    if (!answer) return; // no network: the next beat tries again
    if (answer.ok && !answer.redirected) { // else it led to the sign-in
      const said = await answer.json();
      document.querySelector("[data-others]").textContent = said.others;
      if (said.words) Object.assign(by("lease"), { dateTime: said.leased_until, textContent: said.words });
    } else if (renews) {
      document.querySelector("[data-lost]").hidden = false;
      clearInterval(beat);
    }
  }
  document.addEventListener("visibilitychange", alive);

  // --- what is typed is kept: in this tab at once, on the server a moment later ---
  const KEPT = "textarea[name], select[name], input[name]:not([type=hidden]), [data-remarks]";
  const fields = () => [...form.querySelectorAll(KEPT)];
  document.addEventListener("input", (event) => {
    if (!form || !form.contains(event.target) || !event.target.matches(KEPT)) return;
    const kept = fields().map((one) => [one.name, one.value, one.checked ?? false]);
    sessionStorage.setItem(copy(), JSON.stringify(kept));
    clearTimeout(saving);
    saving = setTimeout(save, PAUSE);
  });

  async function save() {
    clearTimeout(saving);
    if (!form?.isConnected || !sessionStorage.getItem(copy())) return;
    await post(form.dataset.draft, new FormData(form)).catch(() => null);
  }
  // Whoever leaves keeps what is typed, and holds the clip for a minute more: enough to come back by.
  addEventListener("pagehide", () => { if (form?.isConnected) navigator.sendBeacon?.(form.dataset.leave ?? form.dataset.draft, new FormData(form)); });
  addEventListener("pageshow", () => { if (form?.dataset.renew) alive(); });

  function restore() {
    const kept = JSON.parse(sessionStorage.getItem(copy()) ?? "[]");
    for (const one of fields()) {
      const found = kept.find(([name, value]) => name === one.name && (one.type !== "radio" || value === one.value));
      if (!found) continue;
      if (one.type === "radio" || one.type === "checkbox") one.checked = found[2];
      else one.value = found[1];
    }
    if (kept.some(([, value, checked]) => checked || (value && value !== "public" && value !== "on" && Number.isNaN(Number(value))))) by("reasons")?.setAttribute("open", "");
  }

  // --- a no: key, clause, range, words, Enter ---
  function begin(verdict) {
    mode = verdict;
    by("reasons").open = true;
    const words = document.querySelector("[data-mode-words]");
    [words.hidden, words.textContent] = [false, words.dataset[verdict]];
    by("reasons").scrollIntoView({ block: "nearest" });
    onward();
  }

  const chosen = () => form.querySelector("[name=clause]:checked");
  const hasRange = () => by("id_whole").checked || (by("id_from_seconds").value !== "" && by("id_to_seconds").value !== "");

  // To what is missing first; to the words when only they are.
  function onward() {
    if (!mode) return;
    if (!chosen()) by("clauses").scrollIntoView({ block: "nearest" });
    else if (hasRange()) by("id_words").focus();
  }

  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-opens]");
    if (opens && form && mode !== opens.dataset.opens && !(chosen() && hasRange() && by("id_words").value.trim())) {
      event.preventDefault();
      begin(opens.dataset.opens);
    }
    const phrase = event.target.closest("[data-phrase]");
    if (phrase) insert(phrase);
    const asks = event.target.closest("summary[data-key=e], summary[data-key=s]")?.parentElement;
    if (asks) { // at once, since the next key may be the first letter
      event.preventDefault();
      asks.open = !asks.open;
      if (asks.open) asks.querySelector("textarea").focus();
    }
  });

  document.addEventListener("change", (event) => {
    if (!form?.contains(event.target)) return;
    if (event.target.matches("[name=clause], [name=whole]")) by("reasons").open = true; // by a key, while it was closed
    if (event.target.matches("[name=clause]")) phrases();
    if (event.target.matches("[name=clause], [name=whole]")) onward();
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "id_words") document.querySelector("[data-saved-words]").hidden = true;
    if (event.target.matches("#id_from_seconds, #id_to_seconds") && document.activeElement !== event.target) onward();
  });

  document.addEventListener("keydown", (event) => {
    if (!form?.isConnected || event.isComposing) return;
    if (event.key === "Escape" && form.contains(event.target)) event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && !event.shiftKey) enter(event);
    if (typing(event.target) || event.defaultPrevented) return;
    if (event.key.toLowerCase() === "v") turn(event);
    if (event.key.toLowerCase() === "p") next(event);
  });

  function enter(event) {
    const sends = event.target.dataset?.enter ?? (event.target.id === "id_words" && mode && { rejected: "reject", changes: "changes" }[mode]);
    if (sends) { event.preventDefault(); by(sends).click(); }
    else if (event.target.matches("input[type=number]")) { event.preventDefault(); event.target.blur(); onward(); }
    else if (mode && !typing(event.target) && !pressable(event.target)) { event.preventDefault(); by("id_words").focus(); }
    else if (mode && event.target.matches("[type=radio], [type=checkbox]")) { event.preventDefault(); by("id_words").focus(); }
  }

  function turn(event) {
    const all = [...document.querySelectorAll(".variants__one")];
    const here = all.findIndex((one) => one.hasAttribute("aria-current"));
    if (all.length) { event.preventDefault(); all[(here + 1) % all.length].click(); }
  }

  // --- saved words ---
  const offered = () => [...document.querySelectorAll("[data-phrase]")].filter((one) => one.dataset.phrase === chosen()?.dataset.code);
  function phrases() {
    const box = document.querySelector("[data-phrases]");
    if (!box) return;
    for (const one of box.querySelectorAll("[data-phrase]")) one.parentElement.hidden = !offered().includes(one);
    box.hidden = !offered().length;
  }

  function insert(phrase) {
    by("id_words").value = phrase.textContent;
    by("id_words").dispatchEvent(new Event("input", { bubbles: true }));
    document.querySelector("[data-saved-words]").hidden = false;
    by("id_words").focus();
  }

  function next(event) {
    const all = offered();
    if (!all.length) return;
    event.preventDefault();
    insert(all[(all.findIndex((one) => one.textContent === by("id_words").value) + 1) % all.length]);
  }

  open();
})();
