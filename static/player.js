"use strict";
// The player of the review screen: exact frames, what was played, a range in a loop, the clip before in step.
// A frame is sought at its middle, (n + 0.5) / rate, where rounding cannot miss it at any constant rate.
(() => {
  const SPEEDS = [1, 1.5, 2, 0.5];
  const GAP = 0.6; // seconds between two frames that a browser may leave out while it plays on
  let room, clip, rate, frames, shown, seen, last, looping, stepping;

  const part = (name) => room.querySelector(`[data-${name}]`);
  const field = (name) => document.getElementById(`id_${name}`);
  const frameOf = (seconds) => Math.min(frames - 1, Math.max(0, Math.floor(seconds * rate + 0.001)));
  const ms = (frame) => Math.round((frame / rate) * 1000);

  document.addEventListener("screen:open", () => {
    room = document.querySelector("[data-player]");
    clip = room?.querySelector("[data-clip]");
    if (!clip) return;
    [rate, frames] = [Number(room.dataset.rate), Number(room.dataset.frames)];
    [shown, last, looping, stepping] = [0, null, false, false];
    seen = new Uint8Array(frames);
    restore();
    clip.controls = false;
    clip.muted = true;
    part("controls").hidden = false;
    listen();
    show(frameOf(clip.currentTime));
    report();
  });

  function listen() {
    const mine = clip;
    const here = (act) => (...facts) => { if (mine === clip && mine.isConnected) act(...facts); }; // not one that is gone
    for (const name of ["play", "pause", "ended"]) mine.addEventListener(name, here(label));
    mine.addEventListener("play", here(() => { last = shown; })); // it is on the screen already
    mine.addEventListener("pause", here(() => { last = null; }));
    mine.addEventListener("seeking", here(() => { last = mine.paused ? null : frameOf(mine.currentTime); }));
    mine.addEventListener("click", here(() => act("play")));
    if (mine.requestVideoFrameCallback) {
      const callback = here((_now, { mediaTime }) => { presented(mediaTime + 0.5 / rate); mine.requestVideoFrameCallback(callback); });
      mine.requestVideoFrameCallback(callback);
    } else {
      const poll = here(() => { presented(mine.currentTime); requestAnimationFrame(poll); });
      poll();
    }
    part("scrub").addEventListener("input", () => { clip.pause(); seek(Number(part("scrub").value)); });
  }

  // A frame is on the screen. It counts as played while the clip plays, or when it was stepped to.
  function presented(seconds) {
    const frame = frameOf(seconds);
    if (clip.paused && !clip.ended && frame !== frameOf(clip.currentTime)) return; // another one is on its way already
    if (!clip.paused || clip.ended) {
      const from = last !== null && frame >= last && (frame - last) / rate <= GAP * clip.playbackRate ? last : frame;
      for (let n = from; n <= frame; n++) seen[n] = 1;
      last = frame;
      turn(frame);
    } else if (stepping && frame === shown) {
      seen[frame] = 1;
      stepping = false;
    }
    show(frame);
    report();
  }

  function turn(frame) {
    const [start, end] = range();
    if (looping && (frame >= end || clip.ended)) { clip.currentTime = (start + 0.5) / rate; if (clip.paused) clip.play(); }
  }

  function range() {
    const [from, to] = ["from_seconds", "to_seconds"].map((name) => parseFloat(field(name)?.value));
    if (field("whole")?.checked || Number.isNaN(from) || Number.isNaN(to) || to <= from) return [0, frames - 1];
    return [frameOf(from), Math.max(frameOf(from) + 1, frameOf(to - 0.5 / rate))];
  }

  // [[from_ms, to_ms], …] of the frames that were played.
  function intervals() {
    const found = [];
    for (let n = 0; n < frames; n++) {
      if (!seen[n]) continue;
      if (n && seen[n - 1]) found.at(-1)[1] = ms(n + 1);
      else found.push([ms(n), ms(n + 1)]);
    }
    return found;
  }

  function restore() {
    for (const [from, to] of JSON.parse(document.querySelector("[data-played]").value || "[]")) {
      for (let n = 0; n < frames; n++) if (ms(n) >= from - 1 && ms(n + 1) <= to + 1) seen[n] = 1;
    }
  }

  function report() {
    const holder = document.querySelector("[data-played]");
    if (!holder) return;
    holder.value = JSON.stringify(intervals());
    const percent = Math.floor((100 * seen.reduce((sum, one) => sum + one, 0)) / frames);
    const [bar, words] = [document.querySelector("[data-watched]"), document.querySelector("[data-watched-words]")];
    const said = words.dataset[percent >= 95 ? "enough" : "some"].replace("{percent}", percent);
    if (words.textContent !== said) words.textContent = said;
    [bar.hidden, bar.value] = [false, percent];
  }

  function show(frame) {
    shown = frame;
    part("scrub").value = frame;
    const facts = { s: (frame / rate).toFixed(2), n: frame + 1, of: frames };
    const said = part("at").dataset.words.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
    part("at").textContent = said;
    part("scrub").setAttribute("aria-valuetext", said);
    follow();
    room.dispatchEvent(new CustomEvent("player:frame", { bubbles: true, detail: { ms: ms(frame) } }));
  }

  function seek(frame) {
    const target = Math.min(frames - 1, Math.max(0, frame));
    clip.currentTime = (target + 0.5) / rate;
    show(target);
  }

  function step(by) {
    clip.pause();
    stepping = true;
    seek(shown + by);
  }

  // The clip before, while it is open: put right when it is more than half a frame off.
  function follow() {
    const other = document.querySelector("details[open] > [data-earlier]");
    if (!other) return;
    other.controls = false;
    const goal = Math.min(clip.currentTime, (other.dataset.frames - 0.5) / other.dataset.rate);
    if (Math.abs(other.currentTime - goal) > 0.5 / other.dataset.rate && !other.seeking) other.currentTime = goal;
  }
  // In step as soon as it is opened, and again when it has arrived: the clip beside it may have gone on meanwhile.
  for (const name of ["toggle", "seeked", "loadedmetadata"]) {
    document.addEventListener(name, () => { if (clip?.isConnected) follow(); }, true);
  }

  function label() {
    const button = part('do="play"');
    button.querySelector("[data-label]").textContent = clip.paused ? button.dataset.playWords : button.dataset.pauseWords;
    if (clip.ended) turn(frames - 1);
  }

  const acts = {
    play() {
      if (!clip.paused) return clip.pause();
      if (clip.ended || shown >= frames - 1) seek(0);
      return clip.play().catch(() => {}); // the browser did not let it, or it was paused again at once
    },
    back: () => step(-1),
    on: () => step(1),
    second: () => seek(shown - Math.round(rate)),
    start: () => seek(0),
    end: () => seek(frames - 1),
    speed() {
      clip.playbackRate = SPEEDS[(SPEEDS.indexOf(clip.playbackRate) + 1) % SPEEDS.length];
      part("speed").textContent = `${clip.playbackRate}×`;
    },
    loop: (button) => { looping = press(button); },
    sound: (button) => { clip.muted = !press(button); },
    grey: (button) => room.classList.toggle("player--grey", press(button)),
  };

  function press(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    return on;
  }

  function act(name) {
    acts[name](part(`do="${name}"`));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && clip?.isConnected) act(button.dataset.do);
    const there = event.target.closest("[data-go-to]");
    if (there && clip?.isConnected) { clip.pause(); seek(frameOf(there.dataset.goTo / 1000 + 0.0005)); }
  });

  const KEYS = { " ": "play", k: "play", ",": "back", ".": "on", ArrowLeft: "back", ArrowRight: "on", j: "second", l: "speed", o: "loop", m: "sound", g: "grey", Home: "start", End: "end" };
  document.addEventListener("keydown", (event) => {
    if (!clip?.isConnected || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === " " && pressable(event.target)) return;
    if (event.target.matches("input") && (event.key.startsWith("Arrow") || ["Home", "End"].includes(event.key))) return;
    if (event.key === "[" || event.key === "]") { event.preventDefault(); mark(event.key); return; }
    const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!name) return;
    event.preventDefault();
    act(name);
  });

  // From here: the beginning of the frame shown; to here: its end.
  function mark(key) {
    const box = field(key === "[" ? "from_seconds" : "to_seconds");
    if (!box) return;
    box.value = ((shown + (key === "[" ? 0 : 1)) / rate).toFixed(2);
    field("whole").checked = false;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
})();
