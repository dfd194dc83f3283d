// The pages work as forms; this adds passkeys, and loads a page again when the log has gone on.
import "./signing.js";

const { size, fresh } = document.body.dataset;
const reading = document.querySelector("form") === null; // nobody loses what they are writing or signing
const look = async () => {
  try {
    const response = await fetch("/changed");
    const now = await response.json();
    if (response.ok && (String(now.size) !== size || String(now.fresh) !== fresh)) return location.reload();
  } catch {
    // the process has ended: the page stays as it is
  }
  return setTimeout(look, 2000);
};
if (reading) look();
