// What Hosts do with the conference as a whole.

import { $ } from "../dom.js";
import * as people from "./people.js";

const LAYOUTS = {
  "1:0": "Speaker alone", "1:1": "Speaker and one small", "1:7": "Speaker and seven small",
  "1:21": "Speaker and 21 small", "2:21": "Two large and 21 small", "1:33": "Speaker and 33 small",
  "4:0": "Four alike", "9:0": "Nine alike", "16:0": "16 alike", "25:0": "25 alike",
  ac: "Adaptive", teams: "Teams-like", one_main_nine_around: "Speaker and nine around",
  one_main_twelve_around: "Speaker and twelve around", two_mains_eight_around: "Two and eight around",
};

let seat = null;
let flags = {};
const dialled = new Map(); // What was dialled and has not been connected, with what was last heard of it.

const REFUSED = "It was not put through: no call routing rule takes this address, or its server refused it.";
const TRIED = new Set(["connecting", "recovering"]); // Before that the detail says who is to do it.
const HEARD_OF = 5000; // Milliseconds in which a call that is dialled is in the list, or was refused at once.

export async function seated(mine) {
  seat = mine;
  const names = await seat.get("available_layouts").catch(() => []);
  const now = $("layout").value || $("layout").dataset.now;
  $("layout").replaceChildren(...names.map((name) => new Option(LAYOUTS[name] ?? name, name)));
  if (now) $("layout").value = now;
}

export function heard(kind, data) {
  if (kind === "layout" && data.view) {
    $("layout").dataset.now = data.view;
    $("layout").value = data.view;
  }
  if (dialled.has(data?.uuid)) follow(kind, data);
  if (kind !== "conference_update") return;
  flags = data;
  $("lock").textContent = flags.locked ? "Unlock" : "Lock";
  $("lock").setAttribute("aria-pressed", String(flags.locked));
  $("mute-all").textContent = flags.guests_muted ? "Unmute Guests" : "Mute Guests";
}

function follow(kind, one) {
  if (kind === "participant_delete") failed(one.uuid);
  else if (one.streaming_state === "connected") dialled.delete(one.uuid);
  else dialled.set(one.uuid, { known: true, detail: TRIED.has(one.streaming_state) ? one.detail : "" });
}

function wait(uuid) {
  const one = people.find(uuid);
  if (one?.streaming_state === "connected") return;
  dialled.set(uuid, { known: Boolean(one), detail: "" });
  setTimeout(() => dialled.get(uuid)?.known === false && failed(uuid), HEARD_OF);
}

function failed(uuid) {
  const detail = dialled.get(uuid).detail;
  dialled.delete(uuid);
  $("address-error").textContent = detail ? `It was not put through: ${detail}.` : REFUSED;
  $("address").setAttribute("aria-invalid", "true");
}

// A request, and what is wrong with it as a sentence beside what it was asked with.
async function ask(path, body, error) {
  error.textContent = "";
  try {
    return await seat.post(path, body);
  } catch (refused) {
    error.textContent = refused.message;
    return null;
  }
}

const simply = (path, body) => ask(path, body, $("host-error"));

$("dial").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [address, name] = [$("address"), $("stream-name")];
  const error = $("address-error");
  error.textContent = address.value.trim() ? "" : "Type where the stream is to go: rtmps://host/app/key";
  const body = {
    destination: address.value.trim(), protocol: "auto", role: "GUEST", streaming: "yes",
    remote_display_name: name.value.trim(),
  };
  $("add-stream").disabled = true;
  const made = error.textContent ? null : await ask("dial", body, error);
  $("add-stream").disabled = false;
  address.setAttribute("aria-invalid", String(!made));
  if (!made) { address.focus(); return; }
  wait(made[0]);
  address.value = "";
  name.value = "";
});

$("reveal").addEventListener("click", () => {
  const hidden = $("address").type === "password";
  $("address").type = hidden ? "text" : "password";
  $("reveal").textContent = hidden ? "Hide" : "Show";
  $("reveal").setAttribute("aria-pressed", String(hidden));
});

$("record").addEventListener("click", () => {
  const now = new Date().toISOString().slice(0, 16).replaceAll(":", "-");
  simply("dial", { destination: `record://${$("record").dataset.name}-${now}`, streaming: "yes" });
});
$("lock").addEventListener("click", () => simply(flags.locked ? "unlock" : "lock"));
$("mute-all").addEventListener("click", () => simply(flags.guests_muted ? "unmuteguests" : "muteguests"));
$("layout").addEventListener("change", (event) => {
  simply("transform_layout", { transforms: { layout: event.target.value } });
});
$("end").addEventListener("click", () => $("sure").showModal());
$("sure").addEventListener("close", () => {
  if ($("sure").returnValue === "yes") simply("disconnect");
  $("sure").returnValue = "";
});

const DEEDS = {
  admit: ["unlock"], mute: ["mute"], unmute: ["unmute"], promote: ["role", { role: "chair" }], remove: ["disconnect"],
};

export function act(does, one) {
  const [path, body] = DEEDS[does];
  return simply(`participants/${one.uuid}/${path}`, body);
}
