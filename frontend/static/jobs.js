/* What makes pages about jobs more pleasant and is missed by nobody without JavaScript: times in the reader's own zone,
   buttons that copy, forms that are sent once however often somebody clicks, and a word when a page that follows a job
   is answered no more. */

const SECOND = 1000; // ms
const STYLES = {
  moment: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  time: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
  clock: new Intl.DateTimeFormat(undefined, { timeStyle: "short" }),
};
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function dress(root) {
  for (const time of root.querySelectorAll("time[data-style]")) {
    const moment = new Date(time.dateTime);
    const words = wordsOf(moment, time.dataset.style);
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

function wordsOf(moment, style) {
  if (style === "countdown") return countdown((moment - Date.now()) / SECOND);
  const today = moment.toDateString() === new Date().toDateString();
  return STYLES[style === "clock" && !today ? "moment" : style].format(moment);
}

/** "in 6 days", "in 5 h 12 min", "in 3 min 20 s": two units at most, and seconds only at the end. */
function countdown(seconds) {
  if (seconds < 1) return "any moment now";
  const left = Math.floor(seconds);
  const [days, hours, minutes] = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60];
  if (days >= 2) return `in ${days} days`;
  if (left >= 3600) return `in ${days * 24 + hours} h ${minutes} min`;
  return minutes ? `in ${minutes} min ${left % 60} s` : `in ${left} s`;
}

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-style="countdown"]')) {
    const words = wordsOf(new Date(time.dateTime), "countdown");
    if (time.textContent !== words) time.textContent = words;
  }
}, SECOND);

dress(document);
document.addEventListener("htmx:after:swap", () => dress(document));

const MISSED = 3; // questions without an answer: one may be lost to a restart
let missed = 0;
document.addEventListener("htmx:finally:request", (event) => {
  const place = document.getElementById("connection");
  const { response } = event.detail.ctx; // of 500 and more: of the load balancer, or of a server that cannot do it now
  missed = response?.status < 500 ? 0 : missed + 1;
  const words = missed < MISSED ? "" : "No connection to GAS; trying again.";
  if (place && place.textContent !== words) place.textContent = words; // is said once
});

document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // back from the browser's cache: forms may be sent anew
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
