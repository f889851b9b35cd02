// htmx comes from the CDN; when that fails or is too slow, from here. Without either, every form still works.
(function () {
  "use strict";
  var script = document.currentScript;
  var PATIENCE_MS = 2500;  // how long the CDN may take before the local copy is used

  var cdn = document.querySelector("script[data-htmx]");
  var asked = false;
  function useLocalCopy() {
    if (asked || window.htmx) return;
    asked = true;
    var copy = document.createElement("script");
    copy.src = script.dataset.fallback;
    // htmx begins on DOMContentLoaded, which has passed, or waits for the very CDN that hangs: say it again.
    copy.onload = function () { document.dispatchEvent(new Event("DOMContentLoaded")); };
    document.head.appendChild(copy);
  }
  if (cdn && script.dataset.fallback) {
    cdn.addEventListener("error", useLocalCopy);
    setTimeout(useLocalCopy, PATIENCE_MS);
  }
})();
