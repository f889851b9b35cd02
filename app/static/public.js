// What a customer's page gains from scripts. Without any of it every form still works.
(function () {
  "use strict";
  var SHOWN_MS = 250;      // how long a tapped answer is seen before the next question comes

  // The first page names no run in its address. Give it one, so that going back finds the same answers.
  function nameRun(root) {
    var screen = root.querySelector("[data-here]");
    if (screen && !/[?&]submission_id=/.test(location.search)) history.replaceState(history.state, "", screen.dataset.here);
  }

  // Back and forward within one document: the server knows what was answered. htmx would do this too, once it is here.
  window.addEventListener("popstate", function () { if (!location.hash) location.reload(); });

  // One form, one sending: a second tap is dropped.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sending = "1";
    trouble(false);
  }, true);
  function release() {
    document.querySelectorAll("[data-sending]").forEach(function (form) { delete form.dataset.sending; });
  }
  window.addEventListener("pageshow", release);

  // A tap on an answer goes on by itself; arrow keys only choose.
  var tappedAt = 0;
  document.addEventListener("pointerdown", function () { tappedAt = Date.now(); }, true);
  document.addEventListener("click", function (event) {
    var input = event.target;
    if (!input.matches || !input.matches("input[data-advance]") || Date.now() - tappedAt > 1500) return;
    var form = input.form;
    setTimeout(function () {
      if (input.checked && form.isConnected && !form.dataset.sending) form.requestSubmit ? form.requestSubmit() : form.querySelector(".primary").click();
    }, SHOWN_MS);
  });

  // Where a tap goes on by itself, "next" waits until something is chosen: tapped too, it would hit the next question.
  function offerNext() {
    document.querySelectorAll("form").forEach(function (form) {
      if (form.querySelector("input[data-advance]")) form.querySelector(".primary").hidden = !form.querySelector("input:checked");
    });
  }
  document.addEventListener("change", offerNext);

  // A long text shows how long it is.
  function count(area) {
    var limit = Number(area.dataset.limit);
    var counter = area.parentNode.querySelector("[data-counter]");
    var length = Array.from(area.value).length;
    counter.hidden = length < limit / 2;
    counter.textContent = length + " / " + limit;
    counter.classList.toggle("over", length > limit);
  }
  document.addEventListener("input", function (event) {
    if (event.target.matches("[data-limit]")) count(event.target);
  });

  // htmx: say that it is saving, say when it failed, and read the new question aloud.
  function trouble(shown, status) {
    var box = document.getElementById("trouble");
    if (!box) return;
    var isBusy = status === 429 || status === 503;
    box.textContent = shown ? (isBusy ? box.dataset.busy : box.dataset.words) : "";
    box.hidden = !shown;
  }
  function saving(shown) {
    var box = document.getElementById("saving");
    if (box) box.textContent = shown ? box.dataset.words : "";
  }
  document.addEventListener("htmx:beforeRequest", function () { saving(true); });
  document.addEventListener("htmx:afterRequest", function () { saving(false); release(); });
  ["htmx:sendError", "htmx:responseError", "htmx:timeout"].forEach(function (name) {
    document.addEventListener(name, function (event) { trouble(true, event.detail.xhr && event.detail.xhr.status); });
  });
  document.addEventListener("htmx:afterSettle", function () {
    var wrong = document.querySelector("[aria-invalid]");
    var heading = wrong || document.querySelector("[data-focus]");
    window.scrollTo(0, 0);
    if (heading) heading.focus({ preventScroll: !wrong });
    document.querySelectorAll("[data-limit]").forEach(count);
    offerNext();
  });

  // The language links keep the place, also after htmx moved on.
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-lang]");
    if (!link) return;
    var address = new URL(location.href);
    address.searchParams.set("lang", link.dataset.lang);
    link.href = address.href;
  });

  nameRun(document);
  offerNext();
  document.querySelectorAll("[data-limit]").forEach(count);
})();
