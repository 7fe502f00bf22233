// The genome view. Its configuration stands in the page; igv.js is one of our own files.

// igv.js lives in a shadow root. Its bar is one line of 600 pixels: on a telephone it becomes two.
const NARROW = `@media (max-width: 48rem) {
  .igv-navbar { flex-flow: row wrap; height: auto; row-gap: 6px; padding-block: 2px; }
  .igv-navbar :is(.igv-logo, .igv-current-genome) { display: none; }
  .igv-navbar .igv-navbar-right-container { margin-left: auto; }
  .igv-navbar .igv-windowsize-panel-container { white-space: nowrap; }
}`;

const { script, options } = JSON.parse(document.getElementById("genome-config").textContent);
const state = document.getElementById("genome-state");
try {
  const { default: igv } = await import(script);
  const place = document.getElementById("genome");
  await igv.createBrowser(place, options);
  // igv.js draws on white and resets what it inherits: without this its words are white, too, in a dark window
  place.shadowRoot.querySelector(".igv-container").style.colorScheme = "light";
  const styles = new CSSStyleSheet(); // constructed: needs no permission of the pages' policy
  styles.replaceSync(NARROW);
  place.shadowRoot.adoptedStyleSheets.push(styles);
  state.remove();
} catch (error) {
  state.className = "field-error";
  state.textContent = `The genome view could not be opened: ${error?.message ?? error}. Reload the page; you may have to sign in again.`;
}
