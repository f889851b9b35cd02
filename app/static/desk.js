/* The search box of the back office: "/" jumps to it, arrows walk through what was found, Escape closes. Without this
   script it is a plain form. */
(() => {
  "use strict";

  const box = () => document.querySelector("[data-search] input[name=q]");
  const bar = () => document.getElementById("search-bar");
  const opener = () => document.querySelector(".search-opener");
  const hitsOf = (input) => input.form.querySelector("[data-hits]");
  const links = (input) => [...hitsOf(input).querySelectorAll("a")];

  const open = (input, shown) => {
    hitsOf(input).classList.toggle("is-open", shown);
    input.setAttribute("aria-expanded", String(shown));
  };
  const focus = () => {
    const input = box();
    if (!input) return;
    if (bar() && opener() && opener().getAttribute("aria-expanded") !== "true" && getComputedStyle(bar()).display === "none") opener().click();
    input.focus();
    input.select();
  };

  // A magnifier on a phone: what it opens is where one types.
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest(".search-opener");
    if (button) setTimeout(() => { if (button.getAttribute("aria-expanded") === "true" && box()) box().focus(); }, 0);
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      focus();
    }
  });

  // While pinyin is being composed nothing is looked up; what was composed is.
  document.addEventListener("input", (event) => {
    if (event.isComposing && event.target.matches("[data-search] input")) event.stopPropagation();
  }, true);
  document.addEventListener("compositionend", (event) => {
    if (event.target.matches("[data-search] input")) event.target.dispatchEvent(new Event("input", { bubbles: true }));
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const form = event.target.closest && event.target.closest("[data-search]");
    if (!form) return;
    const input = form.querySelector("input[name=q]");
    open(input, document.activeElement === input && input.value.trim() !== "" && event.target.textContent.trim() !== "");
  });

  document.addEventListener("keydown", (event) => {
    const form = event.target.closest && event.target.closest("[data-search]");
    if (!form) return;
    const input = form.querySelector("input[name=q]");
    const all = links(input);
    const at = all.indexOf(event.target);
    if (event.key === "Escape") {
      open(input, false);
      input.focus();
    } else if (event.key === "ArrowDown" && all.length) {
      event.preventDefault();
      open(input, true);
      all[Math.min(at + 1, all.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (all[at - 1] || input).focus();
    }
  });

  document.addEventListener("focusout", (event) => {
    const form = event.target.closest && event.target.closest("[data-search]");
    if (form && !form.contains(event.relatedTarget)) setTimeout(() => open(form.querySelector("input[name=q]"), false), 150);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-search] input[name=q]") && links(event.target).length && event.target.value.trim()) open(event.target, true);
  });
})();
