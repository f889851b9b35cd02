/* The back office's own script, in place of SQLAdmin's main.js: the same jobs, but every word comes from the page
   (#rouge-words) and nothing is inline, so `script-src 'self'` holds. Pages work without it, except picking several
   rows, looking up related records and importing. */
(() => {
  "use strict";

  const source = document.getElementById("rouge-words");
  const words = source ? JSON.parse(source.textContent) : {};
  const say = (key, values = {}) =>
    (words[key] || "").replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const target = event.target.closest && event.target.closest(selector);
      if (target) act(target, event);
    });
  /* Addresses from the server are absolute; behind a proxy their scheme or host may be wrong. Stay where we are. */
  const local = (address) => {
    const url = new URL(address, location.href);
    return url.pathname + url.search;
  };

  // ── Printing a page ───────────────────────────────────────────────────────────────────────────────────────────────
  all("[data-print]").forEach((button) => { button.hidden = false; });
  on("click", "[data-print]", () => window.print());

  // ── Menu ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  on("click", "[data-toggle]", (button) => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    document.getElementById(button.getAttribute("aria-controls")).classList.toggle("is-open", open);
  });

  const nav = document.querySelector("[data-menu]");
  if (nav) {
    const key = "rouge:menu:" + nav.dataset.menu;
    let open = [];
    try { open = JSON.parse(localStorage.getItem(key)) || []; } catch { /* private mode: nothing is remembered */ }
    all("details[data-group]", nav).forEach((group) => {
      if (open.includes(group.dataset.group)) group.open = true;
      group.addEventListener("toggle", () => {
        open = all("details[data-group][open]", nav).map((one) => one.dataset.group);
        try { localStorage.setItem(key, JSON.stringify(open)); } catch { /* as above */ }
      });
    });
  }

  document.addEventListener("click", (event) =>
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    all("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });

  // ── Small things ──────────────────────────────────────────────────────────────────────────────────────────────────
  on("click", "[data-dismiss]", (button) => button.parentElement.remove());
  on("click", "[data-reload]", () => location.reload());
  all("[data-back]").forEach((link) => { if (history.length > 1) link.hidden = false; });
  on("click", "[data-back]", (link, event) => { event.preventDefault(); history.back(); });

  all("[data-copy][hidden]").forEach((button) => { button.hidden = false; });
  on("click", "[data-copy]", async (button) => {
    const field = document.getElementById(button.dataset.copy);
    const said = button.closest("dialog, .own-code").querySelector(".box-said");
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = say("copied");
    } catch {
      field.select();
      said.textContent = say("copyByHand");
    }
  });

  // ── Dialogs ───────────────────────────────────────────────────────────────────────────────────────────────────────
  const openDialog = (dialog) => {
    const said = dialog.querySelector(".box-said");
    if (said) said.textContent = "";
    dialog.showModal();
  };
  on("click", "[data-dialog]", (button) => openDialog(document.getElementById(button.dataset.dialog)));
  on("click", "[data-close]", (button) => button.closest("dialog").close());
  all("dialog[data-open-now]").forEach((dialog) => {
    openDialog(dialog);
    dialog.addEventListener("close", () => {
      if (dialog.dataset.nextUrl) location.replace(local(dialog.dataset.nextUrl));
    });
  });

  // ── Picking rows ──────────────────────────────────────────────────────────────────────────────────────────────────
  const pickedBar = document.querySelector("[data-picked]");
  const picked = () => all("[data-pick]:checked").map((box) => box.value);
  const pickAll = document.querySelector("[data-pick-all]");
  const showPicked = () => {
    if (!pickedBar) return;
    const n = picked().length;
    pickedBar.hidden = n === 0;
    all(".selected-count").forEach((place) => { place.textContent = n ? say("selected", { n }) : ""; });
    all("[data-pick]").forEach((box) => box.closest("tr").classList.toggle("is-picked", box.checked));
    if (pickAll) {
      pickAll.checked = n > 0 && n === all("[data-pick]").length;
      pickAll.indeterminate = n > 0 && !pickAll.checked;
    }
  };
  on("change", "[data-pick]", showPicked);
  on("change", "[data-pick-all]", (box) => { all("[data-pick]").forEach((one) => { one.checked = box.checked; }); showPicked(); });
  window.addEventListener("pageshow", showPicked);
  on("click", "[data-action-url]", (button) =>
    location.assign(local(button.dataset.actionUrl) + "?pks=" + picked().map(encodeURIComponent).join(",")));

  // ── Finding: clean addresses, filters that act at once ────────────────────────────────────────────────────────────
  on("submit", "[data-finder]", (form) => {
    all("[name]", form).forEach((field) => {
      const pair = field.dataset.with && document.getElementById(field.dataset.with);
      const chosen = field.selectedOptions && field.selectedOptions[0];
      const idle = pair ? !pair.value : field.value === "" || (chosen && "all" in chosen.dataset && !("keep" in field.dataset));
      if (idle) field.disabled = true;
    });
    setTimeout(() => all("[name]", form).forEach((field) => { field.disabled = false; }), 0);
  });
  on("change", "[data-autosubmit]", (field) => field.form.requestSubmit());

  // ── Forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  on("submit", "form[data-once]", (form, event) => {
    if ("busy" in form.dataset) { event.preventDefault(); return; }      // a double click saves once
    form.dataset.busy = "";
  });
  window.addEventListener("pageshow", () => all("form[data-busy]").forEach((form) => { delete form.dataset.busy; }));
  const problems = document.getElementById("form-problems");
  if (problems) problems.focus();

  // The browser's own remarks speak the browser's language; say it in the reader's.
  document.addEventListener("invalid", ({ target }) => {
    if (target.validity.customError) return;
    target.setCustomValidity(say(target.validity.valueMissing ? "required" : "invalid"));
  }, true);
  ["input", "change"].forEach((type) => document.addEventListener(type, ({ target }) => {
    if (target.validity && target.validity.customError) target.setCustomValidity("");
  }));

  // What does not count for the choices made is left out; what is wrong, or wanted by the browser, never is.
  const whens = all("[data-when]");
  const showWhatCounts = () => whens.forEach((place) => {
    place.hidden = !place.dataset.is.split(" ").includes(document.getElementById(place.dataset.when).value) && !place.querySelector(".is-wrong");
  });
  if (whens.length) {
    on("change", "select", showWhatCounts);
    window.addEventListener("pageshow", showWhatCounts);
    document.addEventListener("invalid", ({ target }) => whens.forEach((place) => { if (place.contains(target)) place.hidden = false; }), true);
    showWhatCounts();
  }

  on("change", "[data-file]", (input) => {
    const place = input.parentElement.querySelector(".file-name");
    place.textContent = input.files.length ? [...input.files].map((file) => file.name).join(" · ") : place.dataset.none;
  });

  all("textarea").forEach((area) => {
    const count = area.nextElementSibling && area.nextElementSibling.matches(".chars-count-label") ? area.nextElementSibling : null;
    const max = area.maxLength > 0 ? area.maxLength : 0;
    const grow = () => {
      if (area.matches(".autoresize-textarea")) { area.style.height = "auto"; area.style.height = area.scrollHeight + 2 + "px"; }
      if (!count) return;
      const n = area.value.length;
      count.textContent = max ? say("charactersLeft", { n, max }) : n ? say("charactersWritten", { n }) : "";
      count.classList.toggle("warning", max > 0 && n >= max);
    };
    area.addEventListener("input", grow);
    grow();
  });

  // Dates: flatpickr with month and weekday names from the browser's own locale data.
  if (window.flatpickr) {
    const language = document.documentElement.lang || "zh-CN";
    const chinese = language.startsWith("zh");
    const names = (options, dates) => dates.map((day) => new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" }).format(day));
    const months = [...Array(12).keys()].map((month) => new Date(Date.UTC(2026, month, 15)));
    const days = [...Array(7).keys()].map((day) => new Date(Date.UTC(2026, 1, 1 + day)));      // 1 February 2026 is a Sunday
    window.flatpickr.localize({
      weekdays: { shorthand: names({ weekday: chinese ? "narrow" : "short" }, days), longhand: names({ weekday: "long" }, days) },
      months: { shorthand: names({ month: "short" }, months), longhand: names({ month: chinese ? "short" : "long" }, months) },
      firstDayOfWeek: chinese ? 1 : 0,
      rangeSeparator: " " + say("timeFrom") + " ",
      hourAriaLabel: say("hour"), minuteAriaLabel: say("minute"), yearAriaLabel: say("year"), monthAriaLabel: say("month"),
      time_24hr: true,
    });
    /* flatpickr makes some day or other of anything: "20261201" becomes August. Only whole dates are read; whatever else
       was typed stays as it is, for the server to refuse beside the field. */
    const read = (text, timed) => {
      const found = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text.trim());
      if (!found || (found[4] !== undefined) !== timed) return undefined;
      const [year, month, day, hour, minute, second] = found.slice(1).map((part) => Number(part || 0));
      const moment = new Date(year, month - 1, day, hour, minute, second);
      const same = moment.getFullYear() === year && moment.getMonth() === month - 1 && moment.getDate() === day && hour < 24 && minute < 60 && second < 60;
      return same ? moment : undefined;
    };
    all('[data-role="datepicker"]:not([readonly]), [data-role="datetimepicker"]:not([readonly])').forEach((field) => {
      const timed = field.dataset.role === "datetimepicker";
      const unread = () => (field.value.trim() && !read(field.value, timed) ? field.value : "");
      let typed = unread();
      field.autocomplete = "off";
      field.addEventListener("input", () => { typed = unread(); });
      const picker = window.flatpickr(field, {
        allowInput: true, enableTime: timed, enableSeconds: timed, time_24hr: true,
        dateFormat: timed ? "Y-m-d H:i:S" : "Y-m-d",
        parseDate: (text) => read(text, timed),
        errorHandler: () => {},
        onChange: (days) => { if (days.length) typed = ""; },            // chosen from the calendar after all
        onClose: () => { if (typed) field.value = typed; },
      });
      const set = picker.setDate;
      picker.setDate = (value, ...rest) => { if (!typed || value !== typed) set(value, ...rest); };
    });
  }

  // Related records: a box to type in, with the matches below it (the ARIA combobox pattern, in place of select2, whose
  // open list fails screen readers). The hidden <select> stays the field that is sent.
  all('select[data-role="select2-ajax"], select[data-role="select2-tags"]').forEach((field) => {
    const free = field.dataset.role === "select2-tags";                 // words of one's own instead of records
    const many = field.multiple;
    const id = field.id;
    const make = (tag, attributes) => Object.assign(document.createElement(tag), attributes);
    const box = make("div", { className: "lookup" });
    const chips = make("ul", { className: "lookup-chips", hidden: true });
    const input = make("input", { type: "text", id, className: field.className.replace("form-select", "form-control"), autocomplete: "off", required: field.required });
    const clear = make("button", { type: "button", className: "btn-close lookup-clear", hidden: true });
    const list = make("ul", { id: id + "-matches", className: "lookup-matches", hidden: true });
    const said = make("p", { className: "lookup-said" });
    const name = document.getElementById(id + "-label");
    input.placeholder = free ? "" : say("typeToSearch");
    clear.setAttribute("aria-label", say("removeAll"));
    said.setAttribute("role", "status");
    list.setAttribute("role", "listbox");
    if (name) list.setAttribute("aria-label", name.textContent.trim());
    const facts = free ? {} : { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
    Object.entries(facts).forEach(([key, value]) => input.setAttribute(key, value));
    ["aria-describedby", "aria-invalid"].forEach((key) => { if (field.hasAttribute(key)) input.setAttribute(key, field.getAttribute(key)); });
    field.removeAttribute("id");
    field.required = false;
    field.hidden = true;
    field.before(box);
    box.append(chips, input, clear, list, said, field);

    let matches = [];
    let active = -1;
    let asking = null;
    let waiting = 0;

    const chosen = () => [...field.options].filter((option) => option.selected && option.value !== "");
    const show = () => {
      const options = chosen();
      if (many) {
        chips.hidden = !options.length;
        chips.replaceChildren(...options.map((option) => {
          const chip = make("li", { textContent: option.text });
          const remove = make("button", { type: "button", className: "btn-close" });
          remove.setAttribute("aria-label", say("remove") + " " + option.text);
          remove.addEventListener("click", () => { option.remove(); show(); input.focus(); });
          chip.append(remove);
          return chip;
        }));
        input.required = input.required && !options.length;
        return;
      }
      input.value = options.length ? options[0].text : "";
      clear.hidden = !options.length || !field.dataset.allowBlank;
    };
    const close = () => {
      list.hidden = true;
      active = -1;
      if (!free) input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const pick = (item) => {
      if (!many) field.replaceChildren();
      if (![...field.options].some((option) => option.value === String(item.id))) field.append(new Option(item.text, item.id, true, true));
      if (many) input.value = "";
      said.textContent = "";
      close();
      show();
    };
    const move = (to) => {
      active = (to + matches.length) % matches.length;
      [...list.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === active)));
      input.setAttribute("aria-activedescendant", list.children[active].id);
      list.children[active].scrollIntoView({ block: "nearest" });
    };
    const ask = async () => {
      if (asking) asking.abort();
      const term = input.value.trim();
      if (!term) { close(); said.textContent = ""; return; }
      asking = new AbortController();
      said.textContent = say("searching");
      try {
        const answer = await fetch(local(field.dataset.url) + "?" + new URLSearchParams({ name: field.name, term }), { signal: asking.signal });
        if (!answer.ok) throw new Error(answer.status);
        matches = (await answer.json()).results;
      } catch (error) {
        if (error.name !== "AbortError") { close(); said.textContent = say("lookupFailed"); }
        return;
      }
      said.textContent = matches.length ? "" : say("nothingFound");
      list.replaceChildren(...matches.map((item, n) => {
        const row = make("li", { id: list.id + "-" + n, textContent: item.text });
        row.setAttribute("role", "option");
        row.setAttribute("aria-selected", "false");
        row.addEventListener("pointerdown", (event) => { event.preventDefault(); });      // keep the focus in the box
        row.addEventListener("click", () => pick(item));
        return row;
      }));
      active = -1;
      list.hidden = !matches.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
    };
    const addOwn = () => {
      const text = input.value.trim();
      if (text) pick({ id: text, text });
    };

    input.addEventListener("input", (event) => {
      if (free || event.isComposing) return;                             // pinyin in the making is not a question yet
      clearTimeout(waiting);
      waiting = setTimeout(ask, 200);
    });
    input.addEventListener("compositionend", () => { if (!free) { clearTimeout(waiting); waiting = setTimeout(ask, 200); } });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") {
        event.preventDefault();                                          // never saves the form by accident
        if (free) addOwn();
        else if (active >= 0) pick(matches[active]);
        else if (!list.hidden && matches.length === 1) pick(matches[0]);
      } else if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); close(); } else if (!list.hidden && event.key === "ArrowDown") { event.preventDefault(); move(active + 1); } else if (!list.hidden && event.key === "ArrowUp") { event.preventDefault(); move(active < 0 ? -1 : active - 1); }
    });
    input.addEventListener("blur", () => {
      clearTimeout(waiting);
      if (asking) asking.abort();
      close();
      said.textContent = "";
      if (free) { addOwn(); return; }
      if (!many && !input.value.trim() && field.dataset.allowBlank) field.replaceChildren();
      if (many) input.value = ""; else show();                           // half a name is not a choice: back to what is kept
    });
    clear.addEventListener("click", () => { field.replaceChildren(); show(); input.focus(); });

    const kept = JSON.parse(field.dataset.json || "[]") || [];
    kept.forEach((item) => {
      const [text, value] = item && typeof item === "object" ? [item.text, item.id] : [item, item];
      if (![...field.options].some((option) => option.value === String(value))) field.append(new Option(text, value, true, true));
    });
    show();
  });

  // ── Importing a table ─────────────────────────────────────────────────────────────────────────────────────────────
  const importForm = document.getElementById("import-form");
  if (importForm) startImport(importForm);

  function startImport(form) {
    const dialog = form.closest("dialog");
    const said = dialog.querySelector(".box-said");
    const progress = document.getElementById("import-progress");
    const bar = document.getElementById("import-bar");
    const line = document.getElementById("import-words");
    const fields = all("input, #import-go", form);
    let stop = null;
    let ticking = 0;
    let files = [];

    const inWords = (text) => {
      const known = (words.server || {})[text];
      if (known) return known;
      let found = /^Invalid value (.*) for column (.*)\.$/s.exec(text);
      if (found) return say("importBadValue", { value: found[1].replace(/^['"]|['"]$/g, ""), column: found[2] });
      found = /^Referenced value does not exist for (.*)\.$/.exec(text);
      if (found) return say("importNoTarget", { column: found[1] });
      found = /^CSV file is missing required column\(s\): (.*)\.$/.exec(text);
      if (found) return say("importMissingColumns", { columns: found[1] });
      found = /^CSV file exceeds the maximum of (\d+)/.exec(text);
      if (found) return say("importTooManyRows", { n: found[1] });
      return text || say("importFailed");
    };
    const tell = (event) => {
      progress.hidden = false;
      bar.value = Math.round((event.processed / (event.total || 1)) * 100);
      if (event.phase !== "persisting") { line.textContent = say(event.processed ? "importCounting" : "importChecking", event); return; }
      const began = Date.now();
      const tick = () => { line.textContent = say("importSaving", { ...event, seconds: Math.floor((Date.now() - began) / 1000) }); };
      clearInterval(ticking);
      ticking = setInterval(tick, 1000);
      tick();
    };
    const reasons = (row) => Object.entries(row.errors || {})
      .map(([column, list]) => (column === "__all__" ? "" : column + "：") + list.map(inWords).join("；")).join("；");
    /* A cell that begins like a formula must not run when the sheet is opened. */
    const cell = (value) => {
      const text = value == null ? "" : String(value);
      return '"' + (/^[=+\-@\t\r]/.test(text) ? "'" + text : text).replace(/"/g, '""') + '"';
    };
    const result = (event) => {
      const missed = event.missed_rows || [];
      const last = missed[missed.length - 1];
      document.getElementById("import-result-title").textContent = say(event.ok ? "importDone" : "importNotDone");
      document.getElementById("import-result-summary").textContent =
        event.ok ? say("importSummary", event)
          : /invalid row/.test(event.summary || "") && last ? say("importAborted", { line: last.line })
            : /commit/.test(event.summary || "") ? say("importRolledBack") : inWords(event.summary || "");
      document.getElementById("import-missed").hidden = !missed.length;
      files.forEach((url) => URL.revokeObjectURL(url));
      const columns = missed.length ? Object.keys(missed[0].data || {}) : [];
      const table = [[say("importLine"), say("importErrors"), ...columns],
        ...missed.map((row) => [row.line, reasons(row), ...columns.map((column) => (row.data || {})[column])])]
        .map((row) => row.map(cell).join(",")).join("\r\n");
      const text = missed.map((row) => `${say("importLine")} ${row.line}\n${say("importErrors")}：${reasons(row)}\n${say("importData")}：${JSON.stringify(row.data)}`).join("\n\n");
      files = [["import-missed-csv", "\ufeff" + table, "text/csv"], ["import-missed-txt", text, "text/plain"]].map(([id, body, type]) => {
        const url = URL.createObjectURL(new Blob([body], { type: type + ";charset=utf-8" }));
        document.getElementById(id).href = url;
        return url;
      });
      openDialog(document.getElementById("dialog-import-result"));
    };

    dialog.addEventListener("close", () => { if (stop) stop.abort(); });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (stop) return;
      said.textContent = "";
      if (!form.csvfile.files.length) { said.textContent = say("importNoFile"); return; }
      const body = new FormData();
      body.append("csvfile", form.csvfile.files[0]);
      body.append("continue_on_error", form.continue_on_error.checked ? "1" : "0");
      stop = new AbortController();
      fields.forEach((field) => { field.disabled = true; });
      tell({ processed: 0, total: 0 });
      let final = null;
      try {
        const answer = await fetch(form.action, { method: "POST", body, signal: stop.signal, headers: { Accept: "application/x-ndjson" } });
        if (!answer.ok || !answer.body) throw new Error(await answer.text());
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          const lines = (rest + value).split("\n");
          rest = lines.pop();
          lines.filter((one) => one.trim()).map((one) => JSON.parse(one)).forEach((one) => { if (one.type === "progress") tell(one); else final = one; });
        }
        if (!final) throw new Error(say("importNoSummary"));
      } catch (error) {
        said.textContent = error.name === "AbortError" ? say("importCanceled") : inWords(error.message);
        progress.hidden = true;
      } finally {
        clearInterval(ticking);
        stop = null;
        fields.forEach((field) => { field.disabled = false; });
      }
      if (final) { dialog.close(); result(final); }
    });
  }
})();
