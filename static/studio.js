"use strict";
// The vocabulary becomes buttons that add their words to the prompt. Without this script it is a list to read.
const prompt = document.querySelector("#studio textarea[name=prompt]");

function add(word) {
  const written = prompt.value.trimEnd();
  prompt.value = written && written !== word ? `${written} ${word}` : word;
  prompt.focus();
  prompt.setSelectionRange(prompt.value.length, prompt.value.length);
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
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) prompt.form.requestSubmit();
});
