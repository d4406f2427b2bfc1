// Who takes part, and for Hosts, what can be done about each of them.

import { $ } from "../dom.js";

const people = new Map();
const cards = new Map();
let unconfirmed = null; // Those of before the connection was lost, until they are told again.
let seat = null;
let act = () => {};
let speaking = "";

export function seated(mine, doing) {
  seat = mine;
  act = doing;
}

export const me = () => people.get(seat?.who);
const everybody = () => [...people.values()];
export const find = (uuid) => people.get(uuid);

export function forget() {
  people.clear();
  cards.forEach((card) => card.remove());
  cards.clear();
}

// True: the list is another one now.
export function heard(kind, data) {
  switch (kind) {
    case "participant_sync_begin": unconfirmed = new Set(people.keys()); return false;
    case "participant_create":
    case "participant_update":
      unconfirmed?.delete(data.uuid);
      people.set(data.uuid, data);
      break;
    case "participant_delete": people.delete(data.uuid); break;
    case "participant_sync_end":
      unconfirmed?.forEach((uuid) => people.delete(uuid));
      unconfirmed = null;
      break;
    case "stage": speaking = data.find((one) => one.vad > 0)?.participant_uuid ?? ""; break;
    default: return false;
  }
  show();
  return true;
}

function show() {
  for (const [uuid, card] of cards) {
    if (!people.has(uuid)) { card.remove(); cards.delete(uuid); }
  }
  const host = me()?.role === "chair";
  for (const one of people.values()) {
    if (!cards.has(one.uuid)) {
      cards.set(one.uuid, make(one.uuid));
      $("list").append(cards.get(one.uuid));
    }
    fill(cards.get(one.uuid), one, host);
  }
  const persons = everybody().filter((one) => !streams(one));
  $("count").textContent = persons.length;
  const waiting = persons.filter(waits).length;
  $("knocking").hidden = !host || !waiting;
  $("knocking").textContent = waiting === 1 ? "One waits to be let in." : `${waiting} wait to be let in.`;
}

const streams = (one) => one.is_streaming_conference || one.is_recording;
const waits = (one) => one.service_type === "waiting_room";

function make(uuid) {
  const card = $("participant").content.cloneNode(true).firstElementChild;
  card.querySelector(".avatar").style.setProperty("--hue", hue(uuid));
  for (const button of card.querySelectorAll("button")) {
    button.addEventListener("click", () => act(button.dataset.does, people.get(uuid)));
  }
  return card;
}

function fill(card, one, host) {
  const [stream, mine, waiting] = [streams(one), one.uuid === seat.who, waits(one)];
  const part = (name) => card.querySelector(name);
  const when = (name, shown) => { part(name).hidden = !shown; };
  card.classList.toggle("streaming", stream);
  card.classList.toggle("waiting", one.service_type !== "conference" && one.service_type !== "lecture");
  card.classList.toggle("speaking", one.uuid === speaking);
  part(".avatar").textContent = stream ? (one.is_recording ? "●" : "▶") : initials(one.display_name);
  part("b").textContent = one.display_name;
  when(".you", mine);
  when(".stream", one.is_streaming_conference && !one.is_recording);
  when(".kept", one.is_recording);
  when(".present", one.is_presenting === "YES");
  when(".muted", one.is_muted === "YES");
  part(".what").textContent = what(one, stream, waiting);
  const manage = host && !mine;
  offer(card, "admit", manage && waiting, `Let ${one.display_name} in`);
  const silent = one.is_muted === "YES";
  offer(card, "mute", manage && !waiting && !stream && !silent, `Mute ${one.display_name}`);
  offer(card, "unmute", manage && !waiting && !stream && silent, `Unmute ${one.display_name}`);
  offer(card, "promote", manage && !waiting && !stream && one.role !== "chair", `Make ${one.display_name} a Host`);
  offer(card, "remove", manage, stream ? `Stop ${one.display_name}` : `Disconnect ${one.display_name}`);
}

function offer(card, does, shown, label) {
  const button = card.querySelector(`[data-does="${does}"]`);
  button.hidden = !shown;
  if (button.title === label) return;
  button.title = label;
  button.setAttribute("aria-label", label);
}

const STATES = {
  requested: "Being called …", routed: "Being called …", assigned: "Being called …",
  connecting: "Connecting …", recovering: "Recovering", connected: "Publishing",
};

function what(one, stream, waiting) {
  if (waiting) return "Waits to be let in";
  const role = one.role === "chair" ? "Host" : "Guest";
  if (!stream) return one.service_type === "connecting" ? `${role} · connecting …` : role;
  const known = STATES[one.streaming_state];
  const state = known && one.is_recording && known === "Publishing" ? "Writing" : known;
  const said = state ?? (one.service_type === "connecting" ? "Connecting …" : "On air");
  return one.detail && one.streaming_state !== "connected" ? `${said.replace(" …", "")}: ${one.detail}` : said;
}

function initials(name) {
  return name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join("") || "?";
}

function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}
