"use strict";
// A page that was open while one signed in again, in another tab: its forms carry the secret of the session before, and
// would be refused. The cookie has the new one.
(() => {
  const name = "csrfmiddlewaretoken";

  function renewed() {
    const token = document.cookie.match(/(?:^|;\s*)csrftoken=(\w+)/)?.[1];
    if (token) for (const field of document.querySelectorAll(`input[name=${name}]`)) field.value = token;
    return token;
  }

  document.addEventListener("visibilitychange", renewed);
  document.addEventListener("submit", renewed, true); // before anybody else reads the form
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    const token = renewed();
    if (token && detail.formData.has(name)) detail.formData.set(name, token);
  });
})();
