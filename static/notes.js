"use strict";
// Notes on moments of the clip, each with a region if one is marked: by pointer, or by keys alone. They live in a hidden
// field of the form, as fractions of the picture's width and height, and go out with the verdict.
(() => {
  const STEP = 0.02; // of the picture, for an arrow key
  let room, player, notes, region, at, field;

  const part = (name) => room.querySelector(`[data-note-${name}]`);
  const picture = () => player.querySelector("[data-region]");

  document.addEventListener("screen:open", () => {
    room = document.querySelector("[data-notes]");
    player = document.querySelector("[data-player]");
    if (!room || !player) return;
    field = document.querySelector("[data-remarks]");
    notes = read(field.value);
    [region, at] = [null, 0];
    room.hidden = false;
    room.addEventListener("click", press);
    part("words").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); keep(); }
      if (event.key === "Escape") { event.stopPropagation(); close(); }
    });
    picture().addEventListener("keydown", move);
    picture().addEventListener("pointerdown", draw);
    list();
  });

  function read(text) {
    try { return JSON.parse(text || "[]") || []; } catch { return []; }
  }

  document.addEventListener("player:frame", ({ detail }) => {
    if (!room?.isConnected) return;
    at = detail.ms;
    outline();
  });

  const doing = { new: () => start(), keep: () => keep(), cancel: () => close(), region: () => (region ? forget() : begin()) };
  function press(event) {
    for (const [name, act] of Object.entries(doing)) if (event.target.closest(`[data-note-${name}]`)) return act();
    const gone = event.target.closest("[data-note-remove]");
    if (!gone) return;
    notes.splice(Number(gone.dataset.noteRemove), 1);
    write();
    room.querySelector("[data-note-new]").focus();
  }

  function start() {
    player.querySelector("[data-clip]").pause();
    part("editor").hidden = false;
    part("editor").dataset.ms = at;
    part("at").textContent = part("at").dataset.words.replace("{s}", (at / 1000).toFixed(2));
    part("words").focus();
  }

  function keep() {
    const words = part("words").value.trim();
    if (!words) return part("words").focus();
    const moment = Number(part("editor").dataset.ms);
    notes.push({ from_ms: moment, to_ms: moment, words, region: region && region.map((edge) => Number(edge.toFixed(4))) });
    notes.sort((a, b) => a.from_ms - b.from_ms);
    write();
    close();
  }

  function close() {
    part("editor").hidden = true;
    part("words").value = "";
    forget();
    room.querySelector("[data-note-new]").focus();
  }

  function write() {
    field.value = JSON.stringify(notes);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    list();
  }

  // --- the region ---
  function begin() {
    region = [0.3, 0.3, 0.4, 0.4];
    part("region").setAttribute("aria-pressed", true);
    picture().hidden = false;
    paint();
    picture().focus();
  }

  function forget() {
    region = null;
    part("region").setAttribute("aria-pressed", false);
    picture().hidden = true;
  }

  function paint() {
    place(picture().querySelector("[data-box]"), region);
  }

  function place(box, [x, y, width, height]) {
    Object.assign(box.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%` });
  }

  const within = (low, value, high) => Math.min(high, Math.max(low, value));
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function move(event) {
    if (event.key === "Enter" || event.key === "Escape") part("words").focus();
    else if (event.key === "Delete") { forget(); part("words").focus(); }
    else if (!ARROWS[event.key]) return;
    else shift(ARROWS[event.key], event.shiftKey);
    event.preventDefault();
    event.stopPropagation();
  }

  function shift([across, down], resizes) {
    let [x, y, width, height] = region;
    if (resizes) [width, height] = [within(STEP, width + across * STEP, 1 - x), within(STEP, height + down * STEP, 1 - y)];
    else [x, y] = [within(0, x + across * STEP, 1 - width), within(0, y + down * STEP, 1 - height)];
    region = [x, y, width, height];
    paint();
  }

  function draw(event) {
    const layer = picture();
    const bounds = layer.getBoundingClientRect();
    const point = (e) => [within(0, (e.clientX - bounds.left) / bounds.width, 1), within(0, (e.clientY - bounds.top) / bounds.height, 1)];
    const from = point(event);
    const drag = (e) => {
      const to = point(e);
      const size = [0, 1].map((n) => Math.abs(to[n] - from[n]));
      if (Math.min(...size) < 0.005) return;
      region = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), ...size];
      paint();
    };
    layer.setPointerCapture(event.pointerId);
    layer.addEventListener("pointermove", drag);
    layer.addEventListener("pointerup", () => { layer.removeEventListener("pointermove", drag); part("words").focus(); }, { once: true });
  }

  // --- what is there already ---
  function list() {
    const rows = notes.map((note, number) => {
      const row = document.createElement("li");
      row.className = "cluster";
      const area = note.region ? ` (${part("list").dataset.area})` : "";
      row.append(
        button(`${(note.from_ms / 1000).toFixed(2)} s`, { goTo: note.from_ms }), words(`${note.words}${area}`),
        button(part("list").dataset.remove, { noteRemove: number }),
      );
      return row;
    });
    part("list").replaceChildren(...rows);
    outline();
  }

  function words(text) {
    const said = document.createElement("span");
    said.dir = "auto";
    said.textContent = text;
    return said;
  }

  function button(text, facts) {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "button button--text figures", textContent: text });
    Object.assign(made.dataset, facts);
    return made;
  }

  // The regions that belong to the frame shown: one's own, and those that went out before.
  function outline() {
    const layer = player.querySelector(".player__layer");
    const half = 500 / Number(player.dataset.rate);
    const here = (note) => note.region && at >= note.from_ms - half && at <= note.to_ms + half;
    const boxes = [...read(layer.dataset.carried).filter(here).map((note) => [note, "player__box player__box--before"]), ...notes.filter(here).map((note) => [note, "player__box"])];
    layer.replaceChildren(...boxes.map(([note, name]) => {
      const box = document.createElement("div");
      box.className = name;
      place(box, note.region);
      return box;
    }));
  }
})();
