/* Beside the text: how it reads, what is kept, what is pasted. Without this, Save does the same. */
"use strict";
(() => {
  const form = document.getElementById("editor");
  const body = document.getElementById("body");
  if (!form || !body) { return; }
  const shown = document.getElementById("preview"), told = document.getElementById("kept");
  let timer = 0, asked = 0;

  const send = (where, values) => fetch(where, {
    method: "POST", body: new URLSearchParams(values), credentials: "same-origin", redirect: "error",
  }).then((reply) => { if (!reply.ok) { throw new Error(reply.status); } return reply.text(); });

  const show = async () => {
    const mine = ++asked;
    try {
      const html = await send(form.dataset.body, { body: body.value });
      if (mine !== asked) { return; }
      shown.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
      shown.hidden = false;
    } catch { shown.hidden = true; }
  };

  const keep = async () => {
    try {
      const answer = await send(form.dataset.keep, { body: body.value, began: form.elements.began.value });
      const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      told.textContent = answer === "kept" ? `Kept at ${at}, not saved yet.`
        : "The file changed meanwhile. Save, and you see both.";
    } catch { told.textContent = "Not kept: the service did not answer."; }
  };

  body.addEventListener("input", () => {
    told.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(() => { show(); keep(); }, 1500);
  });

  body.addEventListener("paste", async (event) => {
    const html = event.clipboardData.getData("text/html");
    if (!html) { return; }
    event.preventDefault();
    const plain = event.clipboardData.getData("text/plain");
    let text = plain;
    try { text = (await send(form.dataset.paste, { html })).trimEnd() || plain; } catch { /* as plain text */ }
    body.setRangeText(text, body.selectionStart, body.selectionEnd, "end");
    body.dispatchEvent(new Event("input"));
  });

  show();
})();
