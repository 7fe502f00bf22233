/* A large file's way to S3, in parts: some at a time, each sent again when the connection breaks. What is there already
   is asked of the server, so that an upload goes on after "Try again", and, once its file is chosen again, after the page
   was closed. The browser keeps which upload a file has under a hash of the file: no name and nothing of its content. */

import { Cancelled, ConnectionLost, Gone, Refused, post } from "./talk.js";

const AT_ONCE = 4;
const ADDRESSES_AT_ONCE = 40;
const ADDRESS_LIFE = 50 * 60 * 1000; // ms; an address lives an hour
const TRIES = 6; // of one part in a row, while we are online
const FIRST_PAUSE = 1000; // ms; doubles with every try
const PREFIX = "gas-upload-";
const KEPT = 7 * 24 * 60 * 60 * 1000; // ms; as long as the server waits for the file
const EDGE = 64 * 1024; // bytes of both ends by which a file is recognised

export class PartsUpload {
  /** `parts` is what the server said of the upload; `progress` is told the bytes that have gone out, `waits` that the
      connection broke and is waited for. */
  constructor(file, parts, { progress, waits }) {
    this.file = file;
    this.parts = parts;
    this.progress = progress;
    this.waits = waits;
    this.out = new Map(); // number of a part → its bytes that have gone out
    this.total = 0;
    this.requests = new Set();
    this.addresses = new Map();
    this.asking = null;
    this.stopped = null;
  }

  /** Sends what is missing and has S3 make one object of it. Throws `Gone` when there is no such upload any more. */
  async send() {
    const { stored, have } = await this.ask(this.parts.look);
    if (stored) return;
    this.out.clear();
    this.total = 0;
    for (const number of have) this.count(number, this.sizeOf(number));
    this.progress(this.total);
    const there = new Set(have);
    this.missing = [];
    for (let number = 1; number <= this.parts.count; number += 1) if (!there.has(number)) this.missing.push(number);
    const line = async () => {
      while (this.missing.length) await this.sendPart(this.missing.shift());
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, line));
    } catch (error) {
      this.halt(error);
      throw error;
    }
    await this.ask(this.parts.complete);
  }

  stop() {
    this.halt(new Cancelled());
  }

  halt(why) {
    this.stopped ??= why;
    for (const request of this.requests) request.abort();
  }

  ask(url, more = {}) {
    if (this.stopped) throw this.stopped;
    return post(url, { upload_id: this.parts.upload_id, size: this.parts.size, ...more });
  }

  sizeOf(number) {
    return Math.min(this.parts.part_size, this.file.size - (number - 1) * this.parts.part_size);
  }

  count(number, bytes) {
    this.total += bytes - (this.out.get(number) ?? 0);
    this.out.set(number, bytes);
  }

  async sendPart(number) {
    const from = (number - 1) * this.parts.part_size;
    const blob = this.file.slice(from, from + this.sizeOf(number));
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.put(await this.address(number), number, blob);
      } catch (error) {
        this.addresses.delete(number);
        this.count(number, 0);
        if (!(error instanceof ConnectionLost) || attempt === TRIES) throw error;
        await readable(blob);
        this.waits();
        await this.pause(FIRST_PAUSE * 2 ** (attempt - 1));
      }
    }
  }

  /** Where to PUT the part; asked for together with those of the parts after it. */
  async address(number) {
    for (;;) {
      const known = this.addresses.get(number);
      if (known && Date.now() - known.at < ADDRESS_LIFE) return known.url;
      this.asking ??= this.askForAddresses(number).finally(() => (this.asking = null));
      await this.asking; // perhaps begun for another part: then this one's may be among its answers
    }
  }

  async askForAddresses(number) {
    const numbers = [number, ...this.missing.slice(0, ADDRESSES_AT_ONCE - 1)];
    const { addresses } = await this.ask(this.parts.addresses, { numbers });
    for (const [part, url] of Object.entries(addresses)) this.addresses.set(Number(part), { url, at: Date.now() });
  }

  put(url, number, blob) {
    if (this.stopped) throw this.stopped;
    const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
    this.requests.add(request);
    return new Promise((resolve, reject) => {
      const lost = () => reject(new ConnectionLost("The connection was lost. What was sent is kept: try again."));
      request.upload.addEventListener("progress", (event) => {
        this.count(number, Math.min(event.loaded, blob.size));
        this.progress(this.total);
      });
      request.addEventListener("load", () => {
        if (request.status >= 200 && request.status < 300) {
          this.count(number, blob.size);
          this.progress(this.total);
          resolve();
        } else if (request.status === 404) reject(new Gone());
        else lost();
      });
      request.addEventListener("error", lost);
      request.addEventListener("timeout", lost);
      request.addEventListener("abort", () => reject(this.stopped ?? new Cancelled()));
      request.open("PUT", url);
      request.send(blob);
    }).finally(() => this.requests.delete(request));
  }

  /** Waits that long, and for as long as the machine is offline. */
  async pause(time) {
    await new Promise((resolve) => setTimeout(resolve, time));
    while (!navigator.onLine && !this.stopped) await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE));
    if (this.stopped) throw this.stopped;
  }
}

/** Throws `Refused` when the file is not what it was when it was chosen. */
async function readable(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new Refused("The file on your disk was changed or moved during the upload. Choose it again.");
  }
}

/** From now on, choosing the file again (for the same reference) goes on with this job's upload. */
export async function remember(file, pack, job) {
  const name = await nameOf(file, pack);
  if (name) storage((kept) => kept.setItem(name, JSON.stringify({ at: Date.now(), job })));
}

/** The job whose upload of this file was broken off; null where there is none. */
export async function recall(file, pack) {
  const name = await nameOf(file, pack);
  return storage((kept) => {
    for (const key of Object.keys(kept)) {
      if (key.startsWith(PREFIX) && !(Date.now() - read(kept, key)?.at < KEPT)) kept.removeItem(key);
    }
    return name && read(kept, name)?.job;
  }) ?? null;
}

export async function forget(file, pack) {
  const name = await nameOf(file, pack);
  if (name) storage((kept) => kept.removeItem(name));
}

/** Storage may be full, forbidden, or hold what somebody else wrote: uploads then begin anew. */
function storage(use) {
  try {
    return use(localStorage);
  } catch {
    return null;
  }
}

function read(kept, key) {
  try {
    return JSON.parse(kept.getItem(key));
  } catch {
    return null;
  }
}

/** Null where the browser has no hashes: it has them over TLS and on this machine. */
async function nameOf(file, pack) {
  if (!crypto.subtle) return null;
  try {
    const facts = new TextEncoder().encode(JSON.stringify([file.name, file.size, file.lastModified, pack]));
    const ends = new Blob([facts, file.slice(0, EDGE), file.slice(Math.max(0, file.size - EDGE))]);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await ends.arrayBuffer()));
    return PREFIX + Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}
