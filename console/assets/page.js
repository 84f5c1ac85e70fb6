// What all pages do: show notices and let them be dismissed, copy, and say that a form is under way.

const noticeLasts = 8000; // ms; for good news, the other stays

const notice = document.querySelector("#notice");
let noticeTimer = 0;

// --- notices -------------------------------------------------------------------------------------------

function showNotice(tone, text) {
  const mark = document.createElement("span");
  const words = document.createElement("span");
  mark.ariaHidden = "true";
  mark.className = "mark";
  mark.textContent = tone === "good" ? "✓" : "!";
  words.className = "text";
  words.textContent = text;
  notice.className = `notice ${tone}`;
  notice.querySelector("p").replaceChildren(mark, words);
  expireNotice();
}

function hideNotice() {
  notice.className = "notice";
  notice.querySelector("p").replaceChildren();
}

function expireNotice() {
  clearTimeout(noticeTimer);
  if (notice.classList.contains("good")) {
    noticeTimer = setTimeout(hideNotice, noticeLasts);
  }
}

// --- copying -------------------------------------------------------------------------------------------

// copy is there only where the browser lets pages write to the clipboard: over HTTPS and on this machine.
async function copy(event) {
  const button = event.target.closest("button.copy");
  if (!button) {
    return;
  }
  try {
    await navigator.clipboard.writeText(button.closest(".copyable").querySelector("code").textContent);
    showNotice("good", "Copied.");
  } catch {
    showNotice("bad", "The browser did not let this be copied; select it instead.");
  }
}

// --- forms ---------------------------------------------------------------------------------------------

// sending keeps a form that is under way from being sent twice, and shows that it is. The scripts of single pages
// that send a form themselves have prevented the default.
function sending(event) {
  const button = event.submitter;
  if (event.defaultPrevented || event.target.getAttribute("method") !== "post" || !button) {
    return;
  }
  if (event.target.ariaBusy === "true") {
    event.preventDefault();
    return;
  }
  event.target.ariaBusy = "true";
  button.setAttribute("aria-disabled", "true"); // unlike disabled, it leaves the focus where it is
  if (button.dataset.busy) {
    button.textContent = button.dataset.busy;
  }
}

// A page that the browser kept and comes back to is no longer under way.
function comeBack(event) {
  if (event.persisted) {
    location.reload();
  }
}

// --- searching -----------------------------------------------------------------------------------------

// find moves to the field in the header, for Ctrl K and ⌘ K.
function find(event) {
  const field = document.querySelector("#find");
  if (field && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k" && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    field.select();
  }
}

// --- what opens above the page -------------------------------------------------------------------------

// closeOthers closes the choice of accounts when something else is pressed or gets the focus, and on Escape.
function closeOthers(event) {
  for (const details of document.querySelectorAll("details.confirm[open]")) {
    if (event.type === "keydown" ? event.key === "Escape" : !details.contains(event.target)) {
      if (details.contains(document.activeElement) && event.type === "keydown") {
        details.querySelector("summary").focus();
      }
      details.open = false;
    }
  }
}

// --- finding one's way ---------------------------------------------------------------------------------

// showSection scrolls to the section that one is in, where there is no room for all of them side by side.
function showSection() {
  const current = document.querySelector(".sections [aria-current]");
  if (current) {
    current.closest(".sections").scrollLeft = current.offsetLeft - 16;
  }
}

// --- forms that were sent ------------------------------------------------------------------------------

// forgetForm forgets what was kept of a form (see keep.js) on a page without one: that was taken.
function forgetForm() {
  if (document.querySelector("#sign-in, main form.form[method=post]")) {
    return;
  }
  try {
    sessionStorage.removeItem("form");
  } catch {
    // The browser keeps nothing.
  }
}

// -------------------------------------------------------------------------------------------------------

document.documentElement.classList.add("scripted"); // the notice may float now that it can be dismissed
document.documentElement.classList.toggle("copies", Boolean(navigator.clipboard));
notice.querySelector("button").hidden = false;
notice.querySelector("button").addEventListener("click", hideNotice);
expireNotice();
showSection();
forgetForm();
document.addEventListener("notice", (event) => showNotice(event.detail.tone, event.detail.text));
document.addEventListener("click", copy);
document.addEventListener("click", closeOthers);
document.addEventListener("focusin", closeOthers);
document.addEventListener("keydown", closeOthers);
document.addEventListener("keydown", find);
addEventListener("submit", sending);
addEventListener("pageshow", comeBack);
