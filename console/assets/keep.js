// What is filled in outlives the end of a session: a form is kept in its tab while it is sent, and filled in once more
// if one had to sign in for it. Secrets are not kept.

const formKept = "form"; // in the storage of the tab, which no other has

const signIn = document.querySelector("#sign-in");
const form = document.querySelector("main form.form[method=post]");

function keepForm() {
  const fields = [...form.elements].filter(outlives).map((field) => [field.name, field.value, field.checked]);
  write({ from: location.href, page: pageOf(), fields });
}

function outlives(field) {
  return field.name && !["hidden", "password"].includes(field.type);
}

// pageOf returns the address that shows a form anew. One that was refused stands where it was sent to, and one for what
// was deleted meanwhile where that was.
function pageOf() {
  const sentTo = new URL(form.getAttribute("action"), location).pathname;
  const anew = sentTo.endsWith("/edit") ? sentTo : `${sentTo}/new`;
  return anew + location.search;
}

// awaitSignIn leads from signing in to the form that was sent just before: one has to sign in for it.
function awaitSignIn() {
  const kept = take();
  if (kept?.signedIn || (kept && kept.from === document.referrer)) {
    signIn.elements.next.value = kept.page;
    write({ ...kept, signedIn: true });
  }
}

// fillInAgain fills in what was kept if one had to sign in for this page, and says so. What was sent without that is
// forgotten.
function fillInAgain() {
  const kept = take();
  if (!kept?.signedIn || kept.page !== location.pathname + location.search) {
    return;
  }
  for (const [name, value, checked] of kept.fields) {
    for (const field of [...form.elements].filter((one) => one.name === name && outlives(one))) {
      if (!["checkbox", "radio"].includes(field.type)) {
        field.value = value;
      } else if (field.value === value) {
        field.checked = checked;
      }
    }
  }
  const text = "You had to sign in again, and nothing was saved yet. What you filled in is here, without secrets.";
  document.dispatchEvent(new CustomEvent("notice", { detail: { tone: "bad", text } }));
}

function write(kept) {
  try {
    sessionStorage.setItem(formKept, JSON.stringify(kept));
  } catch {
    // There is no room for it, or the browser keeps nothing.
  }
}

function take() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(formKept));
    sessionStorage.removeItem(formKept);
    return kept;
  } catch {
    return null;
  }
}

if (signIn) {
  awaitSignIn();
} else {
  fillInAgain();
  form.addEventListener("submit", keepForm);
}
