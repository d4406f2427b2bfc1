// The management API as the admin pages use it. A token lives in this tab's sessionStorage only.

const TOKEN = "rostrum-token";
const BROWSER = "rostrum-browser"; // The browser asks for name and password, and keeps them.

export class Refused extends Error {
  constructor(status, errors, sentence) {
    super(sentence);
    this.status = status;
    this.errors = errors; // Field to sentences.
  }
}

export function useToken(token) {
  sessionStorage.removeItem(BROWSER);
  sessionStorage.setItem(TOKEN, token);
}

export function usePassword() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.setItem(BROWSER, "yes");
}

export function signOut() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(BROWSER);
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

// Without either the browser is kept from asking by itself: the page does that, in its own words.
function identity() {
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) return { credentials: "omit", headers: { Authorization: `Bearer ${token}` } };
  return { credentials: sessionStorage.getItem(BROWSER) ? "same-origin" : "omit", headers: {} };
}

async function send(path, method = "GET", body = undefined) {
  const { credentials, headers } = identity();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, credentials, headers, cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, {}, "The server does not answer at the moment.");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const errors = Object.values(said).find((value) => value && typeof value === "object") ?? {};
  throw new Refused(response.status, errors, said.error ?? "The server does not accept this.");
}

export const get = async (path) => (await send(path)).json();
export const ask = async (path, body) => (await send(path, "POST", body)).json();
export const make = (path, body) => send(path, "POST", body);
export const change = (path, body) => send(path, "PATCH", body);
export const remove = (path) => send(path, "DELETE");
