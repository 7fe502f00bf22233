/* The new-job page: files are checked before a byte is sent, then go straight to S3, one after the other.

   A transfer is one row of the list below the drop zone. Its life: checked → begun (the server makes a job and a
   presigned form, or an upload in parts) → sent (XMLHttpRequest, since fetch tells nothing of an upload's progress) →
   submitted. */

import { PartsUpload, forget, recall, remember } from "./parts.js";
import { Cancelled, ConnectionLost, Gone, Refused, post } from "./talk.js";
import { humanBytes, humanSeconds, look } from "./vcf-check.js";

const form = document.getElementById("upload");
const input = document.getElementById("files");
const zone = document.getElementById("drop");
const list = document.getElementById("transfers");
const pattern = document.getElementById("transfer");

const LIMIT = { bytes: Number(form.dataset.maxBytes), words: form.dataset.most, advice: form.dataset.advice };
const FORM_LIFE = 55 * 60 * 1000; // ms; the presigned form lives an hour
const SPEED_WINDOW = 4000; // ms over which speed is measured

const waiting = [];
let active = null;
let finished = [];

class Transfer {
  constructor(file) {
    this.file = file;
    this.row = pattern.content.firstElementChild.cloneNode(true);
    this.part = (name) => this.row.querySelector(`[data-part="${name}"]`);
    this.part("name").textContent = file.name;
    this.part("size").textContent = humanBytes(file.size);
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("again").addEventListener("click", () => this.again());
    list.append(this.row);
    this.show("waiting", "Waiting for the file before it");
  }

  show(state, sentence, { retry = false } = {}) {
    const shownBefore = this.row.dataset.state;
    this.row.dataset.state = state;
    this.part("status").textContent = sentence;
    this.part("again").hidden = !retry;
    this.part("cancel").hidden = state === "done" || state === "refused";
    this.part("cancel").textContent = state === "failed" ? "Give up" : "Cancel";
    this.part("bar").hidden = state !== "sending" && state !== "failed";
    if (state !== shownBefore && state !== "sending") announce(`${this.file.name}: ${sentence}`);
  }

  async run() {
    this.cancelled = false;
    try {
      this.show("checking", "Looking at the first lines …");
      const complaint = await look(this.file, LIMIT);
      if (complaint) throw new Refused(complaint);
      if (!this.job) await this.resume();
      if (!this.job || (this.job.upload && Date.now() - this.begunAt > FORM_LIFE)) await this.begin();
      await (this.job.parts ? this.sendParts() : this.send());
      await this.submit();
    } catch (error) {
      if (error instanceof Refused) this.show("refused", error.message);
      else if (error instanceof ConnectionLost) this.show("failed", error.message, { retry: true });
      else if (!(error instanceof Cancelled)) {
        console.error(error);
        this.show("failed", "Something went wrong in this page.", { retry: true });
      }
    }
  }

  /** Finds the job of an upload of this file that was broken off, perhaps days ago. */
  async resume() {
    this.pack = form.elements.pack.value;
    this.job = await recall(this.file, this.pack);
    this.resumed = this.job !== null;
  }

  async begin() {
    this.show("starting", "Starting …");
    const answer = await post(form.action, { name: this.file.name, size: this.file.size, pack: this.pack });
    this.begunAt = Date.now();
    if (this.cancelled) {
      discard(answer);
      throw new Cancelled();
    }
    this.job = answer;
    if (answer.parts) await remember(this.file, this.pack, answer);
  }

  /** Sends what is not there yet. An upload of which nobody knows any more is begun anew, once. */
  async sendParts() {
    const speed = new Speed();
    if (this.resumed) this.show("starting", "Looking for what is there already …");
    this.parts = new PartsUpload(this.file, this.job.parts, {
      progress: (sent) => this.progress(sent, speed),
      waits: () => this.show("sending", "The connection was lost. Trying again by itself …"),
    });
    try {
      await this.parts.send();
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      discard(this.job);
      this.job = null;
      await forget(this.file, this.pack);
      if (!this.resumed) throw new ConnectionLost("The storage has forgotten this upload. Try again: it begins anew.");
      this.resumed = false;
      await this.begin();
      await (this.job.parts ? this.sendParts() : this.send());
    }
  }

  send() {
    const body = new FormData();
    for (const [name, value] of Object.entries(this.job.upload.fields)) body.append(name, value);
    body.append("file", this.file); // S3 ignores what comes after it
    const request = new XMLHttpRequest();
    this.request = request;
    const speed = new Speed();
    this.progress(0, speed);
    return new Promise((resolve, reject) => {
      request.upload.addEventListener("progress", (event) => {
        const share = event.total ? event.loaded / event.total : 0;
        this.progress(Math.round(share * this.file.size), speed);
      });
      request.addEventListener("load", () => {
        if (request.status >= 200 && request.status < 300) resolve();
        else {
          if (request.status === 403) this.job = null; // the form has expired: the next attempt gets a new one
          reject(new ConnectionLost("The storage did not take the file. Try again."));
        }
      });
      request.addEventListener("error", () => reject(new ConnectionLost("The connection was lost. Nothing is broken: try again.")));
      request.addEventListener("timeout", () => reject(new ConnectionLost("The connection was lost. Nothing is broken: try again.")));
      request.addEventListener("abort", () => reject(new Cancelled()));
      request.open("POST", this.job.upload.url);
      request.send(body);
    });
  }

  progress(sent, speed) {
    const total = this.file.size;
    const bar = this.part("bar");
    bar.max = total;
    bar.value = sent;
    const rate = speed.measure(sent);
    let words = `${humanBytes(sent)} of ${humanBytes(total)}`;
    if (rate > 0 && sent < total) words += ` · ${humanBytes(rate)}/s · ${humanSeconds((total - sent) / rate)} left`;
    if (sent >= total) words = "Uploaded; waiting for the storage to confirm …";
    this.show("sending", words);
    this.part("percent").textContent = `${Math.floor((100 * sent) / total)} %`;
  }

  async submit() {
    this.show("submitting", "Uploaded. Starting the job …");
    const { page } = await post(this.job.submit, {});
    if (this.job.parts) await forget(this.file, this.pack);
    this.page = page;
    finished.push(this);
    this.show("done", "Started.");
    const link = this.part("page");
    link.href = page;
    link.hidden = false;
  }

  async cancel() {
    this.cancelled = true;
    this.request?.abort();
    this.parts?.stop();
    const at = waiting.indexOf(this);
    if (at >= 0) waiting.splice(at, 1);
    this.row.remove();
    announce(`${this.file.name}: cancelled`);
    if (this.job?.parts) forget(this.file, this.pack);
    if (this.job) discard(this.job);
    input.focus();
  }

  again() {
    enqueue(this);
  }
}

class Speed {
  constructor() {
    this.seen = [];
  }

  /** Bytes a second over the last few seconds; 0 while too little is known. */
  measure(sent) {
    const now = performance.now();
    this.seen.push([now, sent]);
    while (this.seen.length > 2 && now - this.seen[0][0] > SPEED_WINDOW) this.seen.shift();
    const [since, before] = this.seen[0];
    return now - since < 300 ? 0 : ((sent - before) / (now - since)) * 1000;
  }
}

/** The job of an upload that was broken off. What fails here is forgotten by the server after a day. */
function discard(job) {
  post(job.discard, { upload_id: job.parts?.upload_id }).catch(() => {});
}

function announce(sentence) {
  document.getElementById("upload-news").textContent = sentence;
}

function enqueue(transfer) {
  waiting.push(transfer);
  if (!active) work();
}

async function work() {
  while ((active = waiting.shift())) await active.run();
  const rows = list.children.length;
  if (rows === 1 && finished.length === 1) location.assign(finished[0].page);
  else if (finished.length > 1) document.getElementById("to-jobs").hidden = false;
}

function take(files) {
  for (const row of list.querySelectorAll('[data-state="refused"]')) row.remove();
  for (const file of files) enqueue(new Transfer(file));
}

input.addEventListener("change", () => {
  take([...input.files]);
  input.value = ""; // so that the same file can be chosen again once it is mended
});

let depth = 0; // dragenter and dragleave also come from the zone's children
const carriesFiles = (event) => [...event.dataTransfer.types].includes("Files");

document.addEventListener("dragenter", (event) => {
  if (!carriesFiles(event)) return;
  depth += 1;
  zone.classList.add("is-over");
});
document.addEventListener("dragleave", (event) => {
  if (!carriesFiles(event)) return;
  depth = Math.max(0, depth - 1);
  if (depth === 0) zone.classList.remove("is-over");
});
document.addEventListener("dragover", (event) => {
  if (carriesFiles(event)) event.preventDefault(); // a file dropped beside the zone must not replace the page
});
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  zone.classList.remove("is-over");
  take([...event.dataTransfer.files]);
});

window.addEventListener("beforeunload", (event) => {
  if (active || waiting.length) event.preventDefault();
});
