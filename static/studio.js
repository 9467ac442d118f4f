"use strict";
// The studio. Without this script it is a form like any other; with it, fewer presses and nothing lost on the way.
const form = document.querySelector("#studio");
const prompt = form.querySelector("textarea[name=prompt]");

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

// Choosing a model or a picture is enough: their buttons press themselves.
const model = form.querySelector("select[name=pipeline]");
const switchModel = form.querySelector("#switch-model");
if (model) {
  switchModel.hidden = true;
  model.addEventListener("change", () => form.requestSubmit(switchModel));
}
const picture = form.querySelector("#id_picture");
if (picture) picture.addEventListener("change", () => picture.files.length && form.requestSubmit(form.querySelector("#upload")));

// A draft that could not be kept says so, and a sign-in page does not end up in its place.
const kept = document.querySelector("#draft-kept");
function lost() {
  kept.textContent = kept.dataset.lost;
  kept.setAttribute("role", "alert");
}
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target !== kept) return;
  if (event.detail.isError || !event.detail.serverResponse.includes("data-draft")) {
    event.detail.shouldSwap = false;
    lost();
    return;
  }
  kept.removeAttribute("role");
  sessionStorage.removeItem(drawer); // what came later has arrived
});
document.body.addEventListener("htmx:sendError", lost);

// What was sent stays in this tab until it has arrived, so that a sign-in or an outworn page on the way costs no words.
const drawer = `sent from ${location.pathname.replace(/\/studio\/.*/, "")}`;
form.addEventListener("submit", (event) => {
  const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !/csrf|idempotency/.test(name));
  try {
    if (event.submitter?.hasAttribute("data-afresh")) sessionStorage.removeItem(drawer);
    else sessionStorage.setItem(drawer, JSON.stringify(fields));
  } catch { /* no room, or not allowed: the draft on the site is all there is */ }
});

function unpack() {
  const fields = new Map(JSON.parse(sessionStorage.getItem(drawer) ?? "[]"));
  sessionStorage.removeItem(drawer);
  const signedIn = document.referrer && new URL(document.referrer).pathname.startsWith("/accounts/");
  if (!fields.size || !(signedIn || fields.get("begun") === form.elements.begun.value)) return;
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
