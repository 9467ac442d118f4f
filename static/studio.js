"use strict";
// The studio. Without this script it is a form like any other; with it, fewer presses and nothing lost on the way.
const form = document.querySelector("#studio");
const prompt = form.querySelector("textarea[name=prompt]");

// What is answered under the address of a button, which nobody can open, is the studio's page all the same.
if (location.pathname !== new URL(form.action).pathname) history.replaceState(null, "", form.action);

function typed(field) {
  field.dispatchEvent(new Event("input", { bubbles: true })); // so that the draft is kept
}

// The vocabulary becomes buttons that add their words to the prompt.
function add(word) {
  const written = prompt.value.trimEnd();
  prompt.value = written && written !== word ? `${written} ${word}` : word;
  prompt.focus();
  prompt.setSelectionRange(prompt.value.length, prompt.value.length);
  typed(prompt);
}

for (const chip of document.querySelectorAll(".chip[data-word]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.textContent = chip.textContent;
  button.addEventListener("click", () => add(chip.dataset.word));
  chip.replaceWith(button);
}

// Ctrl or Cmd + Enter generates, as in most places where one writes.
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

// Who types a seed means that seed.
form.querySelector("input[name=seed]").addEventListener("input", () => {
  form.querySelector("input[name=seed_choice][value=fixed]").checked = true;
});

// Choosing a model by pointer or a picture is enough: their buttons press themselves. With the arrow keys one passes
// other models on the way, so then it is the button that counts.
const model = form.querySelector("select[name=pipeline]");
if (model) {
  let isPointed = false;
  model.addEventListener("pointerdown", () => { isPointed = true; });
  model.addEventListener("keydown", () => { isPointed = false; });
  model.addEventListener("change", () => isPointed && form.requestSubmit(form.querySelector("#switch-model")));
}
const picture = form.querySelector("#id_picture");
if (picture) picture.addEventListener("change", () => picture.files.length && form.requestSubmit(form.querySelector("#upload")));

// What was sent, or could not be kept, stays in this tab until it has arrived, so that a sign-in or an outworn page on
// the way costs no words. Of the picture the site itself knows best: it changes by buttons of its own.
const drawer = `sent from ${location.pathname.replace(/\/studio\/.*/, "")}`;
function store(isAfresh) {
  const ours = /csrf|idempotency|first_frame/;
  const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !ours.test(name));
  try {
    sessionStorage.setItem(drawer, JSON.stringify({ isAfresh, fields }));
  } catch { /* no room, or not allowed: the draft on the site is all there is */ }
}
form.addEventListener("submit", (event) => store(Boolean(event.submitter?.hasAttribute("data-afresh"))));

// A draft that could not be kept says so, and is kept as soon as one is back from signing in.
const kept = document.querySelector("#draft-kept");
let isLost = false;
function lost() {
  isLost = true;
  store(false);
  kept.textContent = kept.dataset.lost;
  kept.setAttribute("role", "alert");
}
form.addEventListener("input", () => isLost && store(false));
document.addEventListener("visibilitychange", () => isLost && !document.hidden && typed(prompt));
document.body.addEventListener("htmx:sendError", lost);
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.target !== kept || !event.detail.xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault(); // nobody is taken away from what they write
  lost();
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target !== kept) return;
  if (event.detail.isError || !event.detail.serverResponse.includes("data-draft")) {
    event.detail.shouldSwap = false;
    lost();
    return;
  }
  isLost = false;
  strokes.kept = strokes.asked;
  kept.removeAttribute("role");
  sessionStorage.removeItem(drawer); // what came later has arrived
});

// A draft of a page that is being left must not arrive behind what the button sent: it would undo it. And which picture
// is chosen goes with it only once it was chosen here, since a draft on its way would take back one just brought.
let isLeaving = false;
let isPictureChosen = false;
form.addEventListener("submit", () => {
  isLeaving = true;
  htmx.trigger(form.querySelector("[hx-post]"), "htmx:abort");
});
addEventListener("pageshow", () => { isLeaving = false; });
form.addEventListener("input", () => { isLeaving = false; }); // who types on has stopped it, or waits: that is kept, too
form.addEventListener("change", ({ target }) => { isPictureChosen ||= target.name === "first_frame"; });
document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.target !== kept) return;
  if (isLeaving) event.preventDefault();
  if (!isPictureChosen) delete event.detail.parameters.first_frame;
});

// What was typed in the last second is sent on the way out: of a private page no browser has to keep the fields.
const strokes = { typed: 0, asked: 0, kept: 0 };
form.addEventListener("input", () => { strokes.typed += 1; });
form.addEventListener("submit", () => { strokes.kept = strokes.typed; });
document.body.addEventListener("htmx:beforeRequest", ({ detail }) => { if (detail.target === kept) strokes.asked = strokes.typed; });
addEventListener("pagehide", () => {
  if (strokes.kept === strokes.typed) return;
  store(false); // for whoever is back in this tab before it has arrived
  const body = new FormData(form);
  for (const name of isPictureChosen ? ["picture"] : ["picture", "first_frame"]) body.delete(name);
  fetch(form.querySelector("[hx-post]").getAttribute("hx-post"), { method: "POST", body, keepalive: true, headers: { "HX-Request": "true" } });
});

function unpack() {
  const sent = JSON.parse(sessionStorage.getItem(drawer));
  sessionStorage.removeItem(drawer);
  if (!sent) return;
  const fields = new Map(sent.fields);
  const signedIn = document.referrer && new URL(document.referrer).pathname.startsWith("/accounts/");
  const isAnother = fields.get("begun") !== form.elements.begun.value;
  // After Surprise me and the like the words lie aside, and a remix has its own; else they have not arrived.
  if (isAnother && !signedIn && (sent.isAfresh || location.search)) return;
  for (const [name, value] of fields) {
    const field = form.elements[name];
    if (!field || name === "begun" || name === "parent") continue;
    const before = field.value;
    field.value = value;
    if (field.selectedIndex === -1) field.value = before; // no longer offered
  }
  typed(prompt);
}
try { unpack(); } catch { /* nothing to unpack */ }

// Near the limit, how many characters are left; spoken only when one pauses. Nothing is cut: the site says what is wrong.
for (const count of document.querySelectorAll("[data-count]")) {
  const field = document.getElementById(count.dataset.count);
  const [shown, spoken] = count.children;
  let pause = 0;
  const tell = () => {
    const left = count.dataset.limit - [...field.value.normalize("NFC").trim()].length;
    count.hidden = left > count.dataset.limit / 10;
    count.classList.toggle("count--over", left < 0);
    shown.textContent = (left < 0 ? count.dataset.over : count.dataset.left).replace("{n}", Math.abs(left));
    clearTimeout(pause);
    pause = setTimeout(() => { spoken.textContent = count.hidden ? "" : shown.textContent; }, 1000);
  };
  field.addEventListener("input", tell);
  tell();
}
