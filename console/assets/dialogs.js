// Has people confirm in a dialog. Without scripts, what is to be confirmed opens below its button: the server sends it as
// a disclosure, which this turns into a button and the dialog that it opens. The browser moves the focus in, keeps it
// there and gives it back.

// makeDialogs does so with each disclosure below an element or in a document.
function makeDialogs(root) {
  for (const details of root.querySelectorAll("details.confirm[data-title]")) {
    const opener = newButton("opener");
    opener.ariaHasPopup = "dialog";
    opener.append(...details.querySelector("summary").childNodes);

    const title = document.createElement("h2");
    title.textContent = details.dataset.title;
    const back = newButton("back");
    back.textContent = "Go back";
    const sheet = details.querySelector("div");
    sheet.prepend(title);
    sheet.querySelector("button").before(back); // what changes nothing comes first, and so has the focus

    const dialog = document.createElement("dialog");
    dialog.ariaLabel = details.dataset.title;
    dialog.closedBy = "any"; // a press beside it, too
    dialog.append(sheet);
    details.replaceWith(opener, dialog);
  }
}

function newButton(kind) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = kind;
  return button;
}

function openOrClose(event) {
  const button = event.target.closest("button.opener, button.back");
  if (button?.matches(".opener")) {
    button.nextElementSibling.showModal();
  } else {
    button?.closest("dialog").close();
  }
}

// The scripts of single pages run before that; they remember how the server sent the page.
addEventListener("DOMContentLoaded", () => makeDialogs(document));
document.addEventListener("received", (event) => makeDialogs(event.detail));
document.addEventListener("click", openOrClose);
