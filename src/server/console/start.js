// Starts the console.
//
// The page loads every module of ours before it starts, so that an open page needs no file of the server that it came from.
// While servers are upgraded, the page may come from one version and a module from another, which does not have it. Then this
// script, which every version serves at the same address, loads the page again until all files come from one version.

const ATTEMPTS = 'switchboard.console.attempts';
const MAX_ATTEMPTS = 5;

const root = /** @type {HTMLElement} */ (document.getElementById('console'));

/** @param {string} text */
function say(text) {
  const note = document.createElement('p');
  note.setAttribute('role', 'alert');
  note.textContent = text;
  root.replaceChildren(note);
}

try {
  await import(root.dataset.main ?? '');
  sessionStorage.removeItem(ATTEMPTS);
} catch (error) {
  console.error(error);
  const attempts = Number(sessionStorage.getItem(ATTEMPTS) ?? 0) + 1;
  if (attempts > MAX_ATTEMPTS) {
    sessionStorage.removeItem(ATTEMPTS);
    say(
      'The console could not be loaded. Check the connection and reload the page. ' +
        'If a filter blocks cdn.jsdelivr.net, the operator can set WEB_ASSETS.',
    );
  } else {
    sessionStorage.setItem(ATTEMPTS, String(attempts));
    say(`Some files of the console could not be loaded. The page reloads in ${attempts} s.`);
    setTimeout(() => location.reload(), 1000 * attempts);
  }
}
