// A link such as /console/sign-in#<key> signs in by itself. Browsers send the part after the # to no server
// and it stands in no log; here it leaves the address bar and the history, too, before it is used.

const form = document.querySelector("#sign-in");

function signInByLink() {
  const key = decode(location.hash.slice(1));
  if (key === "" || document.getElementById(key)) {
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.key.value = key;
  form.requestSubmit();
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a key with a % of its own
  }
}

addEventListener("hashchange", signInByLink);
signInByLink();
