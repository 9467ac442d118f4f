"use strict";
// Two clips in step, under one set of controls. The longer one leads; the other follows it and stays on its last frame.
// Time is counted in frames of the faster clip, and a frame is sought at its middle, where rounding cannot miss it.
(() => {
  const room = document.querySelector("[data-compare]");
  const clips = [...room.querySelectorAll("[data-side]")];
  const controls = room.querySelector("[data-controls]");
  if (clips.length !== 2) return;
  const rate = Math.max(...clips.map((clip) => Number(clip.dataset.rate)));
  const lengths = clips.map((clip) => clip.dataset.frames / clip.dataset.rate); // seconds
  const leader = clips[lengths[1] > lengths[0] ? 1 : 0];
  const follower = clips[1 - clips.indexOf(leader)];
  const frames = Math.round(Math.max(...lengths) * rate);
  const part = (name) => controls.querySelector(`[data-${name}]`);
  const [button, scrub, loop, speed, at] = ["play", "scrub", "loop", "speed", "at"].map(part);
  let playing = false;
  let shown = 0; // the frame that both are at

  const last = (clip) => (clip.dataset.frames - 0.5) / clip.dataset.rate;
  const frameOf = (seconds) => Math.min(frames - 1, Math.max(0, Math.floor(seconds * rate + 0.001)));

  function show(frame) {
    shown = frame;
    scrub.value = frame;
    scrub.setAttribute("aria-valuetext", words());
    at.textContent = words();
  }

  function words() {
    const facts = { n: shown + 1, of: frames, s: (shown / rate).toFixed(2) };
    return at.dataset.words.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
  }

  function seek(frame) {
    const target = Math.min(frames - 1, Math.max(0, frame));
    for (const clip of clips) clip.currentTime = Math.min((target + 0.5) / rate, last(clip));
    show(target);
  }

  function pause() {
    playing = false;
    for (const clip of clips) clip.pause();
    button.textContent = button.dataset.playWords;
  }

  async function play() {
    if (shown >= frames - 1) seek(0);
    else seek(shown);
    playing = true;
    button.textContent = button.dataset.pauseWords;
    try {
      await Promise.all(clips.map(start));
    } catch {
      pause(); // the browser did not let it play, or it was paused again at once
      return;
    }
    requestAnimationFrame(follow);
  }

  const start = (clip) => (clip.currentTime >= last(clip) - 0.01 ? Promise.resolve() : clip.play());

  // While it plays: the follower is put right when it is more than half a frame off.
  function follow() {
    if (!playing) return;
    if (leader.ended || leader.currentTime >= last(leader)) return turn();
    const goal = Math.min(leader.currentTime, last(follower));
    if (goal >= last(follower)) follower.pause();
    if (Math.abs(follower.currentTime - goal) > 0.5 / rate && !follower.seeking) follower.currentTime = goal;
    show(frameOf(leader.currentTime));
    requestAnimationFrame(follow);
  }

  function turn() {
    if (!loop.checked) {
      pause();
      seek(frames - 1);
      return;
    }
    seek(0);
    play();
  }

  function step(by) {
    pause();
    seek(shown + by);
  }

  const keys = {
    " ": () => (playing ? pause() : play()),
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    ",": () => step(-1),
    ".": () => step(1),
    Home: () => step(-frames),
    End: () => step(frames),
  };
  room.tabIndex = -1; // so that a click on a picture brings the focus in here, where the keys are
  room.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    if (event.target.closest("input, select, textarea")) return; // the range moves by frames with the arrows by itself
    if (event.key === " " && event.target.closest("a, button, summary")) return; // it is meant for that element
    event.preventDefault();
    keys[event.key]();
  });
  button.addEventListener("click", keys[" "]);
  for (const stepper of controls.querySelectorAll("[data-step]")) stepper.addEventListener("click", () => step(Number(stepper.dataset.step)));
  scrub.addEventListener("input", () => { pause(); seek(Number(scrub.value)); });
  speed.addEventListener("change", () => { for (const clip of clips) clip.playbackRate = Number(speed.value); });

  for (const clip of clips) clip.controls = false;
  scrub.max = frames - 1;
  part("shorter").hidden = lengths[0] === lengths[1];
  controls.hidden = false;
  const ready = () => { if (clips.every((clip) => clip.readyState >= 1)) seek(shown); };
  for (const clip of clips) clip.addEventListener("loadedmetadata", ready);
  show(0);
  ready();
})();
