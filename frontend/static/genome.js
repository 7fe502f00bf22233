// The genome view. Its configuration stands in the page; igv.js is one of our own files.
const { script, options } = JSON.parse(document.getElementById("genome-config").textContent);
const state = document.getElementById("genome-state");
try {
  const { default: igv } = await import(script);
  const place = document.getElementById("genome");
  await igv.createBrowser(place, options);
  // igv.js draws on white and resets what it inherits: without this its words are white, too, in a dark window
  place.shadowRoot.querySelector(".igv-container").style.colorScheme = "light";
  state.remove();
} catch (error) {
  state.className = "field-error";
  state.textContent = `The genome view could not be opened: ${error?.message ?? error}. Reload the page; you may have to sign in again.`;
}
