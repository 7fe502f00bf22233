/* What makes pages about jobs more pleasant and is missed by nobody without JavaScript: times in the reader's own zone,
   buttons that copy, and forms that are sent once however often somebody clicks. */

const STYLES = {
  moment: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  time: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
};
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function dress(root) {
  for (const time of root.querySelectorAll("time[data-style]")) {
    const moment = new Date(time.dateTime);
    const words = STYLES[time.dataset.style].format(moment);
    if (time.textContent !== words) time.textContent = words;
    time.title = FULL.format(moment);
  }
  for (const code of root.querySelectorAll("code[data-copy]")) {
    if (!navigator.clipboard || code.nextElementSibling?.matches(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy button button-small button-quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    code.after(button);
  }
}

dress(document);
document.addEventListener("htmx:after:swap", () => dress(document));

document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // back from the browser's cache: forms may be sent anew
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
