// Somebody's seat in a conference: the client API, kept alive for as long as the page is open.

const FIRST_RETRY = 500, LAST_RETRY = 8000; // Milliseconds between tries, doubling.

export class Refused extends Error {
  constructor(status, result) {
    super(typeof result === "string" ? result : "The server does not accept this.");
    this.status = status;
    this.result = result;
  }
}

async function send(method, path, body, headers) {
  let answer;
  try {
    answer = await fetch(path, {
      method, cache: "no-store", credentials: "omit", headers: { "Content-Type": "application/json", ...headers },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Refused(0, "The server does not answer at the moment.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, said.result);
  return said.result;
}

export const pause = (time) => new Promise((done) => setTimeout(done, time));

export class Seat {
  constructor(alias, given) {
    this.alias = alias;
    this.given = given;
    this.uuid = given.participant_uuid;
    this.token = given.token;
    this.open = true;
    this.refresh();
  }

  // Raises Refused; with status 403 and `result.pin`, a PIN is wanted.
  static async take(alias, name, pin) {
    const headers = pin === null ? {} : { pin: pin || "none" };
    const path = `/api/client/v2/conferences/${encodeURIComponent(alias)}/request_token`;
    return new Seat(alias, await send("POST", path, { display_name: name }, headers));
  }

  // A seat that somebody has been moved to.
  static moved(seat, { alias, token }) {
    return new Seat(alias, { ...seat.given, token, participant_uuid: token.split(".")[1] });
  }

  path(rest) { return `/api/client/v2/conferences/${encodeURIComponent(this.alias)}/${rest}`; }
  post(rest, body) { return send("POST", this.path(rest), body, { token: this.token }); }
  get(rest) { return send("GET", this.path(rest), null, { token: this.token }); }
  mine(rest, body) { return this.post(`participants/${this.uuid}/${rest}`, body); }
  of(uuid, rest, body) { return this.post(`participants/${uuid}/${rest}`, body); }

  get servers() {
    const { stun, turn } = this.given;
    return [...stun.map(({ url }) => ({ urls: url })), ...turn];
  }

  async refresh() {
    while (this.open) {
      await pause((Number(this.given.expires) * 1000) / 3);
      if (!this.open) return;
      try {
        this.token = (await this.post("refresh_token")).token;
      } catch (refused) {
        if (refused.status === 403) return; // Whoever follows the events hears of it.
      }
    }
  }

  // Events by name, for as long as the seat is ours; `lost` hears whether the server is there.
  follow(handlers, lost) {
    let wait = FIRST_RETRY;
    const open = () => {
      if (!this.open) return;
      const events = this.events = new EventSource(`${this.path("events")}?token=${this.token}`);
      for (const [name, handle] of Object.entries(handlers)) {
        events.addEventListener(name, ({ data }) => handle(JSON.parse(data)));
      }
      events.addEventListener("open", () => { wait = FIRST_RETRY; lost(false); });
      // The browser would come back by itself, but with the token of then.
      events.addEventListener("error", async () => {
        events.close();
        if (!this.open) return;
        lost(true);
        await pause(wait);
        wait = Math.min(wait * 2, LAST_RETRY);
        try {
          await this.get("conference_status");
        } catch (refused) {
          if (refused.status === 403) return handlers.disconnect({ reason: "You are not in the conference any more" });
        }
        open();
      });
    };
    open();
  }

  // Without a word to anybody: the seat is another's, or gone.
  drop() {
    this.open = false;
    this.events?.close();
  }

  // Also from a page that is being closed.
  leave() {
    if (!this.open) return;
    this.drop();
    fetch(this.path("release_token"), { method: "POST", keepalive: true, headers: { token: this.token } }).catch(() => {});
  }
}
