// The client API as this page uses it: coming in, and a seat in a conference.

const ROOT = "/api/client/v2/conferences";
const AWAY = "The server does not answer at the moment.";
const WORDS = {
  "Neither conference nor gateway found": "There is no such conference.",
  "Invalid PIN": "This is not the PIN.",
};

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// How long to wait before a further try: longer and longer, and not all at once.
export class Patience {
  #next;
  constructor(first = 400, longest = 8000) {
    Object.assign(this, { first, longest });
    this.rest();
  }
  rest() { this.#next = this.first; }
  async wait() {
    const length = this.#next * (0.8 + 0.4 * Math.random());
    this.#next = Math.min(this.#next * 2, this.longest);
    await pause(length);
  }
}

export class Refused extends Error {
  constructor(status, said) {
    super(WORDS[said] ?? (said || AWAY));
    this.status = status;
    this.stranger = status === 403 && said === "Invalid token";
  }
}

async function send(path, { method = "POST", body, headers = {}, keepalive = false } = {}) {
  const options = { method, headers, keepalive, cache: "no-store", credentials: "omit" };
  if (body !== undefined) {
    options.headers = { ...headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  let said = {};
  try {
    response = await fetch(path, options);
    said = await response.json();
  } catch {
    if (!response || response.status < 500) throw new Refused(response?.status ?? 0, AWAY);
  }
  if (response.status === 403 && said.result?.pin) return { pin: said.result };
  if (response.ok) return { result: said.result };
  throw new Refused(response.status, typeof said.result === "string" ? said.result : said.error);
}

// A seat, or `{pin}` if one is wanted that was not given.
export async function enter(alias, name, pin) {
  const root = `${ROOT}/${encodeURIComponent(alias)}`;
  const headers = pin === null ? {} : { pin: pin || "none" };
  const said = await send(`${root}/request_token`, { body: { display_name: name }, headers });
  return said.pin ? { pin: said.pin } : { seat: new Seat(root, said.result) };
}

export class Seat {
  #token;
  #timer;
  constructor(root, told) {
    this.root = root;
    this.told = told;
    this.who = told.participant_uuid;
    this.host = told.role === "HOST";
    this.waits = told.current_service_type === "waiting_room";
    this.conference = told.conference_name;
    this.ice = [...told.stun, ...told.turn].map((one) => ({ ...one, urls: one.urls ?? one.url }));
    this.#token = told.token;
    this.lost = () => {}; // Is called when the server does not know us any more.
    this.#again(Number(told.expires));
  }

  // Where somebody was transferred to.
  moved({ alias, token, participant_uuid }) {
    this.close();
    const told = { ...this.told, token, participant_uuid, current_service_type: "", conference_name: alias };
    return new Seat(`${ROOT}/${encodeURIComponent(alias)}`, told);
  }

  get events() { return `${this.root}/events?token=${encodeURIComponent(this.#token)}`; }

  async post(path, body = {}, options = {}) {
    const headers = { token: this.#token };
    return (await send(`${this.root}/${path}`, { body, headers, ...options })).result;
  }

  async get(path) {
    const headers = { token: this.#token };
    return (await send(`${this.root}/${path}`, { method: "GET", headers })).result;
  }

  mine(path, body) { return this.post(`participants/${this.who}/${path}`, body); }

  async refresh() {
    let seconds = 15; // Of an outage: the next try is in a third of it.
    try {
      const told = await this.post("refresh_token");
      this.#token = told.token;
      seconds = Number(told.expires);
    } catch (error) {
      if (error.stranger) { this.close(); this.lost(); return; }
    }
    this.#again(seconds);
  }

  #again(seconds) {
    clearTimeout(this.#timer);
    if (this.#token) this.#timer = setTimeout(() => this.refresh(), (seconds * 1000) / 3);
  }

  // `keepalive` outlives the page.
  leave() {
    const going = this.#token ? this.post("release_token", {}, { keepalive: true }) : null;
    this.close();
    return going?.catch(() => {});
  }

  close() {
    clearTimeout(this.#timer);
    this.#token = "";
  }
}
