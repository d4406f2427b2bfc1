// What happens in the conference, as it happens; the connection comes back by itself.

import { Patience } from "./client.js";

const KINDS = [
  "participant_sync_begin", "participant_create", "participant_update", "participant_delete",
  "participant_sync_end", "conference_update", "stage", "layout", "presentation_start",
  "presentation_stop", "disconnect", "call_disconnected", "refer",
];

// `heard(kind, data)` for every event, `connected(yes)` as the connection comes and goes.
export function follow(seat, heard, connected) {
  const patience = new Patience();
  let source;
  let over = false;

  function open() {
    if (over) return;
    source = new EventSource(seat.events);
    source.addEventListener("open", () => { patience.rest(); connected(true); });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data || "null")));
    }
    source.addEventListener("error", again);
  }

  async function again() {
    source.close(); // The next one has the token of then.
    if (over) return;
    connected(false);
    await patience.wait();
    if (!over) await seat.refresh();
    open();
  }

  open();
  return () => { over = true; source?.close(); };
}
