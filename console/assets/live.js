// Keeps the list of deliveries, one delivery's page, or a webhook's figures and list, up to date by server-sent events, counts down to the next
// attempts, retries and cancels without leaving the page. Rows and parts are changed in place and only where the
// server says something new, so that focus, selection and scroll position stay where they are.

const tryAfter = 500; // ms; doubled with every try in vain while the server cannot be reached
const tryAtMost = 10_000; // ms
const aimLasts = 1500; // ms; a pointer that moved over a button this recently is about to press it

const live = document.querySelector("#live");
const shown = ".list, .delivery"; // what the server sends anew, in live: as many each time
const liveState = document.querySelector("#live-state");
const served = new WeakMap(); // cell or part → its HTML as the server sent it; the countdown changes what shows

let etag = live.dataset.etag;
let clockAhead = 0; // ms that this machine's clock is ahead of the server's
let aimedAt = -Infinity;
let aimTimer = 0;
let held = null; // what has come in while something is confirmed
let failures = 0;
let source = null;
let timer = 0;

// --- changing what shows -------------------------------------------------------------------------------

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// remember keeps how the server sent the parts that are compared later.
function remember(root) {
  for (const part of root.querySelectorAll("tbody > tr > *, .pager, .delivery > *")) {
    served.set(part, part.innerHTML);
  }
}

// apply turns what shows into what the server sent.
function apply(sent) {
  remember(sent);
  document.dispatchEvent(new CustomEvent("received", { detail: sent }));
  const lists = [...live.querySelectorAll(shown)];
  [...sent.querySelectorAll(shown)].forEach((next, i) => applyOne(lists[i], next));
  tick();
  live.dispatchEvent(new Event("applied"));
}

// applyOne does so with a list or a delivery, or what is laid out as one.
function applyOne(list, next) {
  const rows = list.querySelector("tbody");
  const nextRows = next.querySelector("tbody");
  if (next.matches(".delivery")) {
    applyParts(list, next);
  } else if (rows && nextRows) {
    applyRows(rows, nextRows);
    applyPager(list, next);
  } else {
    list.replaceWith(next);
  }
}

// applyParts changes the parts of a delivery that differ. What was opened stays open where nothing is new.
function applyParts(list, next) {
  const ids = new Set(Array.from(next.children, (part) => part.id));
  for (const part of [...list.children]) {
    if (!ids.has(part.id)) {
      part.remove();
    }
  }
  [...next.children].forEach((nextPart, i) => {
    const part = document.getElementById(nextPart.id);
    if (!part) {
      nextPart.classList.add("fresh");
      list.insertBefore(nextPart, list.children[i] ?? null);
    } else if (served.get(part) !== served.get(nextPart)) {
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      served.set(part, served.get(nextPart));
      part.replaceChildren(...nextPart.childNodes);
      if (focused) {
        (twinOf(focused, part) ?? live).focus({ preventScroll: true }); // the next tab goes on from here
      }
    }
  });
}

// twinOf returns what has come into a part in the place of an element: of the same kind, with the same words.
function twinOf(gone, part) {
  return [...part.querySelectorAll(gone.tagName)].find((one) => one.textContent === gone.textContent && !one.disabled);
}

function applyRows(rows, nextRows) {
  const ids = new Set(Array.from(nextRows.rows, (row) => row.id));
  for (const row of [...rows.rows]) {
    if (!ids.has(row.id) && !row.querySelector("input:checked")) {
      row.remove(); // what somebody has selected stays until it is not
    }
  }
  [...nextRows.rows].forEach((nextRow, i) => {
    const row = rows.rows.namedItem(nextRow.id);
    if (row) {
      applyCells(row, nextRow);
    } else {
      nextRow.classList.add("fresh");
      rows.insertBefore(nextRow, rows.rows[i] ?? null);
    }
  });
}

function applyCells(row, nextRow) {
  [...nextRow.cells].forEach((nextCell, i) => {
    const cell = row.cells[i];
    const html = served.get(nextCell);
    if (served.get(cell) !== html) {
      served.set(cell, html);
      cell.replaceChildren(...nextCell.childNodes);
    }
    cell.title = nextCell.title;
  });
}

function applyPager(list, next) {
  const pager = list.querySelector(".pager");
  const nextPager = next.querySelector(".pager");
  if (served.get(pager) === served.get(nextPager)) {
    return;
  }
  pager?.remove();
  if (nextPager) {
    list.append(nextPager);
  }
}

// movesRows reports whether a list has other rows than the one that shows, and so would move the button
// under somebody's pointer.
function movesRows(next) {
  const ids = (root) => Array.from(root.querySelectorAll("tbody > tr"), (row) => row.id).join();
  return ids(live) !== ids(next);
}

// --- keeping up to date --------------------------------------------------------------------------------

// watch has the server send what changes. A page that nobody looks at doesn't: browsers open few connections to
// one server, and other windows need them.
function watch() {
  clearTimeout(timer);
  if (source || document.hidden) {
    return;
  }
  const address = new URL(live.dataset.url, location);
  address.searchParams.set("seen", etag);
  source = new EventSource(address);
  source.addEventListener("open", () => {
    failures = 0;
    showState("Live", "good");
  });
  source.addEventListener("clock", (event) => {
    clockAhead = Date.now() - Number(event.data);
  });
  source.addEventListener("message", (event) => receive(parse(event.data), event.lastEventId));
  source.addEventListener("signed-out", () => location.reload()); // the page itself leads to signing in and back
  source.addEventListener("error", retryWatching);
}

function unwatch() {
  source?.close();
  source = null;
}

async function retryWatching() {
  const address = source.url;
  unwatch();
  showState("Reconnecting…", "bad");
  const wait = Math.min(tryAfter * 2 ** failures++, tryAtMost);
  try {
    // Of what the server answered to the last try, an EventSource tells nothing.
    const { status } = await fetch(address, { method: "HEAD", cache: "no-store" });
    if (status === 401 || status === 403 || status === 404) {
      location.reload(); // it says what has happened, or leads to signing in
      return;
    }
  } catch {
    // It cannot be reached.
  }
  clearTimeout(timer);
  timer = setTimeout(watch, wait);
}

// receive shows what the server sent; not while it would take a button away from under somebody's pointer, or a dialog
// from before their eyes.
function receive(next, nextEtag) {
  clearTimeout(aimTimer);
  if (live.querySelector("dialog[open]")) {
    held = [next, nextEtag];
    return;
  }
  const aimLeft = aimedAt + aimLasts - performance.now();
  if (aimLeft > 0 && movesRows(next)) {
    aimTimer = setTimeout(receive, aimLeft, next, nextEtag);
    return;
  }
  apply(next);
  etag = nextEtag;
}

function receiveHeld() {
  if (held) {
    receive(...held);
    held = null;
  }
}

function changeVisibility() {
  if (document.hidden) {
    unwatch();
  } else {
    watch();
  }
}

function showState(text, tone) {
  if (liveState.hidden || liveState.textContent !== text) {
    liveState.textContent = text;
    liveState.className = `live-state ${tone}`;
    liveState.hidden = false;
  }
}

function aim(event) {
  if (event.target.closest("button, a")) {
    aimedAt = performance.now();
  }
}

// --- counting down -------------------------------------------------------------------------------------

// until uses the words that the server uses.
function until(then, exact) {
  const seconds = Math.floor((then - (Date.now() - clockAhead)) / 1000);
  const minutes = Math.floor(seconds / 60);
  if (seconds <= 0) {
    return "due now";
  }
  if (seconds < 120) {
    return `in ${seconds} s`;
  }
  if (minutes < 60 && exact) {
    return `in ${minutes} min ${seconds % 60} s`;
  }
  if (minutes < 60) {
    return `in ${minutes} min`;
  }
  return `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function tick() {
  for (const time of live.querySelectorAll("td.next time, time[data-exact]")) {
    const text = until(Date.parse(time.dateTime), "exact" in time.dataset);
    if (time.textContent !== text) {
      time.textContent = text;
    }
  }
}

// --- retrying and cancelling ---------------------------------------------------------------------------

async function submit(event) {
  const button = event.submitter;
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  button.setAttribute("aria-disabled", "true"); // unlike disabled, it leaves the focus where it is
  const { busy } = button.dataset;
  const words = button.textContent;
  if (busy) {
    button.textContent = busy;
  }
  try {
    await send(event.target, button, Boolean(busy));
  } catch {
    closeDialog();
    showNotice("bad", "That did not work. durahook cannot be reached at the moment; try again.");
  }
  button.removeAttribute("aria-disabled");
  if (busy) {
    button.textContent = words;
  }
}

// send posts the form as the browser would when a button is pressed, and takes over what the page that answers it shows.
async function send(form, button, selected) {
  const response = await fetch(button.formAction, { method: "POST", body: new URLSearchParams(new FormData(form, button)) });
  const page = parse(await response.text());
  closeDialog();
  const sent = page.querySelector("#live");
  if (!response.ok) {
    showNotice("bad", "That did not work. Something went wrong on the server; its log says what.");
    return;
  }
  if (!sent) {
    location.assign(response.url); // the session has ended
    return;
  }
  const said = page.querySelector("#notice");
  const tone = said.classList.contains("good") ? "good" : "bad";
  clearTimeout(aimTimer); // what came meanwhile is older
  held = null;
  clockAhead = Date.now() - Number(sent.querySelector(shown).dataset.now);
  if (selected && tone === "good") {
    form.reset(); // what was selected has been seen to, and need not stay
  }
  apply(sent);
  etag = sent.dataset.etag;
  showNotice(tone, said.querySelector(".text").textContent);
}

// closeDialog ends what was confirmed, which tells nothing more.
function closeDialog() {
  live.querySelector("dialog[open]")?.close();
}

// showNotice has page.js show a sentence.
function showNotice(tone, text) {
  document.dispatchEvent(new CustomEvent("notice", { detail: { tone, text } }));
}

// -------------------------------------------------------------------------------------------------------

remember(live);
clockAhead = Date.now() - Number(live.querySelector(shown).dataset.now);
live.addEventListener("pointermove", aim);
live.addEventListener("pointerdown", aim);
live.addEventListener("submit", submit);
live.addEventListener("close", receiveHeld, true); // it doesn't bubble
document.addEventListener("visibilitychange", changeVisibility);
addEventListener("pagehide", unwatch);
setInterval(tick, 1000);
watch();
