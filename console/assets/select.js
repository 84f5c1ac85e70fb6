// Selects deliveries of the list, for all of them to be retried at once: says how many are selected, selects all of the
// page, and with the shift key all between two.

const live = document.querySelector("#live");
let last = null; // the box that was ticked last

const boxes = () => Array.from(live.querySelectorAll("td.pick input"));

// show says how many are selected. The list may have been replaced meanwhile, so nothing is kept but the last box.
function show() {
  const form = live.querySelector(".selecting");
  if (!form) {
    return;
  }
  const all = boxes();
  const selected = all.filter((box) => box.checked).length;
  const whole = form.querySelector(".all input");
  whole.checked = selected > 0 && selected === all.length;
  whole.indeterminate = selected > 0 && selected < all.length;
  form.querySelector(".all").hidden = false;
  form.classList.toggle("some", selected > 0);
  form.querySelector(".count").textContent = selected > 0 ? `${selected} selected` : "";
  form.querySelector("[type=reset]").hidden = selected === 0;
  form.querySelector("[formaction]").setAttribute("aria-disabled", String(selected === 0));
}

function tick(event) {
  if (event.target.matches(".selecting .all input")) {
    for (const box of boxes()) {
      box.checked = event.target.checked;
    }
  }
  show();
}

// press selects all from the box before to this one.
function press(event) {
  if (!event.target.matches("td.pick input")) {
    return;
  }
  const all = boxes();
  const from = all.indexOf(last);
  const to = all.indexOf(event.target);
  if (event.shiftKey && from >= 0) {
    for (const box of all.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      box.checked = event.target.checked;
    }
  }
  last = event.target;
  show();
}

// clear takes the whole selection back with the Escape key, where nothing else is to be closed.
function clear(event) {
  if (event.key === "Escape" && !event.target.closest("dialog") && boxes().some((box) => box.checked)) {
    for (const box of boxes()) {
      box.checked = false;
    }
    show();
  }
}

live.addEventListener("change", tick);
live.addEventListener("click", press);
live.addEventListener("keydown", clear);
live.addEventListener("reset", () => setTimeout(show));
live.addEventListener("applied", show);
show();
