/* What the upload page says to our server, and the three ways in which an upload does not come to its end. */

/** Trying again cannot help. The message is for the person. */
export class Refused extends Error {}
/** Trying again may help. */
export class ConnectionLost extends Error {}
export class Cancelled extends Error {}
/** What was asked about is not there (any more). */
export class Gone extends Refused {}

const csrf = document.querySelector('meta[name="csrf-token"]');

/** Posts JSON and answers JSON. Throws `Refused`, `Gone` or `ConnectionLost`. */
export async function post(url, body) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrf.content },
      body: JSON.stringify(body),
    });
  } catch {
    throw new ConnectionLost("We cannot be reached just now. Try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const sentence = [answer.error, answer.hint].filter(Boolean).join(" ");
  if (response.status === 401) throw new Refused("You are no longer signed in. Reload this page and sign in.");
  if (response.status === 404) throw new Gone(sentence);
  if (response.status >= 500 || response.status === 409 || response.status === 429) {
    throw new ConnectionLost(sentence || "We cannot be reached just now. Try again.");
  }
  throw new Refused(sentence || "This file was refused.");
}
