/* Keeps the progress of an edition current. Without this the page reloads itself every ten seconds. */
"use strict";
(() => {
  const least = 1000, most = 20000;
  let wait = least, told = -1;

  const announce = (bar) => {
    const quarter = bar ? Math.floor((4 * bar.value) / bar.max) : 0;
    if (quarter !== told && told >= 0) {
      document.getElementById("announced").textContent = `${25 * quarter} % accepted`;
    }
    told = quarter;
  };

  const look = async () => {
    const live = document.querySelector("[data-live]");
    if (!live) { return; }
    if (document.hidden) { return again(); }
    const begun = performance.now();
    try {
      const reply = await fetch(live.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (!reply.ok) { throw new Error(reply.status); }
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      const fresh = page.querySelector(".live");
      live.replaceWith(fresh);
      announce(fresh.querySelector("progress"));
      if (!fresh.dataset.live) { return location.reload(); }
      wait = Math.min(most, Math.max(least, 10 * (performance.now() - begun)));
    } catch {
      wait = Math.min(most, 2 * wait);
    }
    again();
  };

  const again = () => setTimeout(look, wait);

  announce(document.querySelector("[data-live] progress"));
  again();
})();
