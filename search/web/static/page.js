"use strict";
// Comfort only: everything works without this file. State lives in the address, never here.
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const root = document.documentElement, prefix = document.body.dataset.prefix;
  root.classList.add("js");
  const search = one("#search"), box = one("#q"), send = one("#send"), file = one("#file");

  const say = (text) => {
    one("#said").textContent = text;
    setTimeout(() => { one("#said").textContent = ""; }, 2500);
  };
  const busy = (is) => root.classList.toggle("busy", is);
  addEventListener("pageshow", () => busy(false)); // also when the back button brings the page from the cache
  addEventListener("beforeunload", () => busy(true));

  // An address without what is empty, so that it can be read and shared. A new text asks anew.
  search.addEventListener("submit", () => {
    const asksAnew = box.value !== box.defaultValue;
    for (const field of search.elements) {
      if (field.name && (!field.value || (asksAnew && ["like", "picture"].includes(field.name)))) field.disabled = true;
    }
    setTimeout(() => { for (const field of search.elements) field.disabled = false; });
  });
  for (const select of all(".filters select")) select.addEventListener("change", () => search.requestSubmit());

  // A picture to search with: chosen, pasted or dropped.
  const sendPicture = (files) => {
    const picture = files[0]; // the server judges whether it is one: browsers know no type of many pictures
    if (!picture) return false;
    const holder = new DataTransfer();
    holder.items.add(picture);
    file.files = holder.files;
    busy(true);
    send.submit();
    return true;
  };
  file.addEventListener("change", () => sendPicture(file.files));
  addEventListener("paste", (event) => { if (sendPicture(event.clipboardData.files)) event.preventDefault(); });
  let depth = 0;
  const shade = (by) => { depth = Math.max(0, depth + by); one("#drop").hidden = depth === 0; };
  addEventListener("dragenter", (event) => { if (event.dataTransfer.types.includes("Files")) shade(1); });
  addEventListener("dragleave", (event) => { if (event.dataTransfer.types.includes("Files")) shade(-1); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    shade(-depth);
    sendPicture(event.dataTransfer.files);
  });

  // Keys: / to the box, arrows among the pictures, Escape back to the results.
  const neighbour = (tiles, from, key) => {
    if (key === "ArrowRight") return tiles[tiles.indexOf(from) + 1];
    if (key === "ArrowLeft") return tiles[tiles.indexOf(from) - 1];
    const here = from.getBoundingClientRect(), middle = here.left + here.width / 2;
    const down = key === "ArrowDown";
    const beyond = tiles.map((tile) => [tile, tile.getBoundingClientRect()])
      .filter(([, place]) => (down ? place.top > here.top + 5 : place.top < here.top - 5));
    const row = (down ? Math.min : Math.max)(...beyond.map(([, place]) => place.top));
    return beyond.filter(([, place]) => Math.abs(place.top - row) < 5)
      .sort(([, a], [, b]) => Math.abs(a.left + a.width / 2 - middle) - Math.abs(b.left + b.width / 2 - middle))[0]?.[0];
  };
  // Back to the very same place where the results are just behind, else to the picture in them.
  const back = (event) => {
    const link = one("#back");
    const to = new URL(link.href);
    if (sessionStorage.results === to.pathname + to.search) {
      event.preventDefault();
      history.back();
    } else if (event.type === "keydown") link.click();
  };
  one("#back")?.addEventListener("click", back);
  if (!one("#back")) {
    addEventListener("pageshow", () => sessionStorage.removeItem("results"));
    for (const tile of all(".tile")) {
      tile.addEventListener("click", () => { sessionStorage.results = location.pathname + location.search; });
    }
  }
  if (location.hash.startsWith("#picture-")) document.getElementById(location.hash.slice(1))?.focus();

  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "Escape" && !typing) {
      if (root.classList.contains("picking")) one("#picked").reset();
      else if (one("#back")) back(event);
    } else if (event.key === "?" && !typing) {
      one(".help").click();
    } else if (event.key === "x" && !typing) {
      event.target.closest(".grid li")?.querySelector(".pick").click();
    } else if (event.key.startsWith("Arrow")) {
      const tiles = all(".tile"), from = event.target.closest(".grid li")?.querySelector(".tile");
      const beside = !typing && !from && { ArrowLeft: "#before", ArrowRight: "#after" }[event.key];
      if (beside && one(beside)) {
        location.replace(one(beside).href); // one step back leads to the results, however many were looked at
        return;
      }
      const to = from ? neighbour(tiles, from, event.key) : event.target === box && event.key === "ArrowDown" ? tiles[0] : null;
      if (to) {
        event.preventDefault();
        to.focus();
      }
    }
  });

  // The previous and the next picture take the place of this one, as with the keys.
  for (const link of all("#before, #after")) {
    link.addEventListener("click", (event) => { event.preventDefault(); location.replace(link.href); });
  }

  // How the line could go on.
  let asked = 0;
  box.addEventListener("input", () => {
    clearTimeout(asked);
    asked = setTimeout(async () => {
      const typed = box.value.slice(0, 200);
      const answer = await fetch(`${prefix}/api/suggestions?q=${encodeURIComponent(typed)}`).catch(() => null);
      const lines = answer?.ok ? await answer.json() : [];
      if (box.value.slice(0, 200) !== typed) return; // an answer that comes late must not replace a newer one
      one("#suggestions").replaceChildren(...lines.map((line) => new Option("", line)));
    }, 120);
  });

  // Pictures that were selected, to have their paths or their files.
  const picked = () => all(".pick:checked");
  const count = () => {
    root.classList.toggle("picking", picked().length > 0);
    if (one("#picked")) one("#picked .count").textContent = `${picked().length} selected`;
  };
  addEventListener("change", (event) => { if (event.target.matches(".pick")) count(); });
  addEventListener("pageshow", count);
  one("#picked")?.addEventListener("reset", () => setTimeout(count));
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("The browser does not let the page copy here");
    }
  };
  if (one("#copy-paths")) {
    one("#copy-paths").hidden = false;
    one("#copy-paths").addEventListener("click", () => copy(picked().map((each) => each.dataset.path).join("\n")));
  }

  // A stack that was just unfolded or folded keeps the focus.
  if (location.hash.startsWith("#stack-")) document.getElementById(location.hash.slice(1))?.focus();

  for (const button of all("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button.dataset.copy));
  }
  const gone = (event) => {
    if (event.target.tagName === "IMG") event.target.closest("li")?.classList.add("gone");
  };
  addEventListener("error", gone, true);

  // Until the model is there, ask whether it is.
  if (one("#waking")) {
    const ask = async () => {
      const answer = await fetch(`${prefix}/api/collection`).catch(() => null);
      if (answer?.ok) location.reload();
      else setTimeout(ask, 1000);
    };
    setTimeout(ask, 500);
  }
})();
