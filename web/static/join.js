// Take part in a conference by browser: a lobby, then the room.

import { Call } from "./join-call.js";
import { $ } from "./dom.js";
import { Refused, Seat } from "./join-seat.js";

const CAMERA = { width: { ideal: 1280, max: 1280 }, height: { ideal: 720, max: 720 }, frameRate: { ideal: 30, max: 30 } };
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const SCREEN = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 15 } };
const OFF = ""; // Value of a choice of devices: none.

const asked = new URLSearchParams(location.search);
const media = new MediaStream(); // What we send: at most one track of each kind.
let seat = null, call = null, screen = null, shown = null;
let people = new Map(), flags = {}, wantsPin = false;

const track = (kind) => media.getTracks().find((one) => one.kind === kind);
const me = () => people.get(seat?.uuid);

function state(name) {
  document.body.dataset.state = name;
  for (const id of ["lobby", "waiting", "room", "over"]) $(id).hidden = id !== name;
}

function say(id, text) {
  $(id).textContent = text;
  $(id).hidden = !text;
}

// The lobby.

async function open(kind, id) {
  for (const old of media.getTracks().filter((one) => one.kind === kind)) { old.stop(); media.removeTrack(old); }
  if (id !== OFF) {
    const device = id === "default" ? {} : { deviceId: { exact: id } };
    const wanted = kind === "video" ? { video: { ...CAMERA, ...device } } : { audio: { ...MICROPHONE, ...device } };
    const got = await navigator.mediaDevices.getUserMedia(wanted);
    media.addTrack(got.getTracks()[0]);
    track(kind).contentHint = kind === "video" ? "motion" : "speech";
  }
  $("no-camera").hidden = Boolean(track("video"));
  if (kind === "audio") listen();
}

async function choose(kind, select) {
  try {
    await open(kind, select.value);
    $("devices-trouble").textContent = "";
  } catch (error) {
    select.value = OFF;
    $("no-camera").hidden = Boolean(track("video"));
    const what = kind === "video" ? "camera" : "microphone";
    $("devices-trouble").textContent = error.name === "NotAllowedError"
      ? `The browser was told not to give the ${what}. You can take part without it.`
      : `No ${what} can be had. You can take part without it.`;
  }
}

async function list() {
  const found = await navigator.mediaDevices.enumerateDevices();
  for (const [select, kind, none] of [[$("cameras"), "videoinput", "No camera"], [$("microphones"), "audioinput", "No microphone"]]) {
    const chosen = select.value;
    const devices = found.filter((one) => one.kind === kind && one.deviceId !== "default");
    const options = devices.map((one, n) => new Option(one.label || `${kind === "videoinput" ? "Camera" : "Microphone"} ${n + 1}`, one.deviceId || "default"));
    select.replaceChildren(...options, new Option(none, OFF));
    select.value = [...select.options].some((one) => one.value === chosen) ? chosen : select.options[0].value;
  }
}

let ears = null;
function listen() {
  ears?.close();
  ears = null;
  if (!track("audio")) { $("level").style.transform = "scaleX(0)"; return; }
  const context = ears = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(new MediaStream([track("audio")])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const look = () => {
    if (ears !== context || !$("room").hidden) return;
    analyser.getFloatTimeDomainData(samples);
    const power = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
    $("level").style.transform = `scaleX(${Math.min(1, power * 5)})`;
    requestAnimationFrame(look);
  };
  look();
}

async function prepare() {
  $("alias").value = asked.get("conference") ?? "";
  $("display-name").value = asked.get("name") ?? localStorage.getItem("rostrum-name") ?? "";
  ($("alias").value ? $("display-name") : $("alias")).focus();
  $("mirror").srcObject = media;
  $("own").srcObject = media;
  if (!navigator.mediaDevices) {
    for (const id of ["cameras", "microphones"]) $(id).replaceChildren(new Option("Not to be had here", OFF));
    $("devices-trouble").textContent = "Browsers give a camera and a microphone to pages by HTTPS only, or on this machine. You can look on and listen.";
    return;
  }
  $("cameras").replaceChildren(new Option("Default", "default"));
  $("microphones").replaceChildren(new Option("Default", "default"));
  if (asked.get("camera") === "off") $("cameras").replaceChildren(new Option("No camera", OFF));
  await choose("audio", $("microphones"));
  await choose("video", $("cameras"));
  const without = ["cameras", "microphones"].filter((id) => $(id).value === OFF);
  await list();
  for (const id of without) $(id).value = OFF;
}

$("cameras").addEventListener("change", (event) => choose("video", event.target));
$("microphones").addEventListener("change", (event) => choose("audio", event.target));

$("entry").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("join").disabled = true;
  say("refusal", "");
  try {
    const name = $("display-name").value.trim();
    seat = await Seat.take($("alias").value.trim(), name, wantsPin ? $("pin").value : null);
    localStorage.setItem("rostrum-name", name);
    enter();
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    if (refused.result?.pin === "required") {
      wantsPin = true;
      $("pin-row").hidden = false;
      $("pin-hint").textContent = refused.result.guest_pin === "none" ? "Hosts give it; leave it empty as a Guest, if Guests are allowed." : "Of Hosts, or of Guests.";
      $("pin").focus();
    } else say("refusal", refused.message);
  } finally {
    $("join").disabled = false;
  }
});

// The room.

function enter() {
  people = new Map();
  $("title").textContent = seat.given.conference_name;
  document.title = `${seat.given.conference_name} · Rostrum`;
  state(seat.given.current_service_type === "waiting_room" ? "waiting" : "room");
  seat.follow({
    participant_sync_begin: () => { people = new Map(); },
    participant_sync_end: show,
    participant_create: (one) => { people.set(one.uuid, one); show(); },
    participant_update: (one) => { people.set(one.uuid, one); show(); },
    participant_delete: ({ uuid }) => gone(uuid),
    conference_update: (told) => { flags = told; show(); },
    layout: ({ view }) => { if (document.activeElement !== $("layout")) $("layout").value = view; },
    presentation_start: ({ presenter_uuid }) => { if (presenter_uuid !== seat.uuid) unshare(false); },
    presentation_stop: () => unshare(false),
    disconnect: ({ reason }) => leave(reason),
    refer: (told) => move(told),
  }, (lost) => trouble("server", lost ? "The server does not answer at the moment …" : ""));
  controls();
}

function gone(uuid) {
  const one = people.get(uuid);
  people.delete(uuid);
  if (one?.is_streaming_conference && me()?.role === "chair") {
    say("stream-refusal", `${one.display_name} has ended${one.detail ? `: ${one.detail}` : ""}.`);
  }
  show();
}

const troubles = new Map();
function trouble(kind, text) {
  troubles.set(kind, text);
  say("trouble", [...troubles.values()].find(Boolean) ?? "");
}

function show() {
  const own = me();
  if (!own) return;
  if (own.service_type === "waiting_room") return state("waiting");
  if ($("over").hidden) state("room");
  call ??= begin();
  $("on-air").hidden = !flags.streaming;
  $("kept").hidden = !flags.recording;
  $("locked").hidden = !flags.locked;
  $("lock").textContent = flags.locked ? "Unlock" : "Lock";
  $("mute-guests").textContent = flags.guests_muted ? "Unmute Guests" : "Mute Guests";
  $("host").hidden = own.role !== "chair";
  $("share").disabled = !navigator.mediaDevices?.getDisplayMedia || (own.role !== "chair" && !flags.guests_can_present);
  $("count").textContent = people.size;
  trouble("muted", own.is_muted === "YES" ? "A Host has muted you." : "");
  const open = document.querySelector("#people details[open]")?.closest("li")?.dataset.uuid;
  $("people").replaceChildren(...[...people.values()].map((one) => card(one, one.uuid === open)));
  if (own.role === "chair" && shown !== seat) { shown = seat; layouts(); }
}

const STATES = { waiting_room: "Waits to be let in", connecting: "Connecting …" };

function card(one, open) {
  const item = $("person").content.firstElementChild.cloneNode(true);
  item.dataset.uuid = one.uuid;
  item.querySelector("b").textContent = one.uuid === seat.uuid ? `${one.display_name} (you)` : one.display_name;
  item.querySelector(".avatar").textContent = one.is_streaming_conference ? "▸" : [...one.display_name.trim()][0]?.toUpperCase() ?? "?";
  item.style.setProperty("--hue", [...one.uuid].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0) | 0, 7) % 360);
  item.classList.toggle("streaming", one.is_streaming_conference);
  item.querySelector(".stream").hidden = !one.is_streaming_conference || one.is_recording;
  item.querySelector(".kept").hidden = !one.is_recording;
  item.querySelector(".present").hidden = one.is_presenting !== "YES";
  item.querySelector(".muted").hidden = one.is_muted !== "YES";
  const role = one.is_streaming_conference ? one.uri : one.role === "chair" ? "Host" : "Guest";
  item.querySelector(".what").textContent = [STATES[one.service_type] ?? "", one.detail ?? "", role].filter(Boolean).join(" · ");
  if (me().role === "chair" && one.uuid !== seat.uuid) menu(item, one, open);
  return item;
}

function menu(item, one, open) {
  const details = item.querySelector("details");
  details.hidden = false;
  details.open = open;
  const add = (text, deed, body) => {
    const button = document.createElement("button");
    button.textContent = text;
    button.addEventListener("click", () => { details.open = false; act(() => seat.of(one.uuid, deed, body)); });
    item.querySelector(".menu").append(button);
  };
  if (one.service_type === "waiting_room") add("Let in", "unlock");
  if (!one.is_streaming_conference) {
    add(one.is_muted === "YES" ? "Unmute" : "Mute", one.is_muted === "YES" ? "unmute" : "mute");
    add(one.role === "chair" ? "Make a Guest" : "Make a Host", "role", { role: one.role === "chair" ? "guest" : "chair" });
    add(one.spotlight ? "Out of the spotlight" : "Into the spotlight", one.spotlight ? "spotlightoff" : "spotlighton");
  }
  add(one.is_recording ? "Stop recording" : one.is_streaming_conference ? "Stop streaming" : "Disconnect", "disconnect");
}

async function act(deed, where = "stream-refusal") {
  say(where, "");
  try {
    return await deed();
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    say(where, refused.message);
    return null;
  }
}

async function layouts() {
  const names = await act(() => seat.get("available_layouts"));
  const words = { ac: "Adaptive", teams: "Grid with content" };
  const chosen = $("layout").value;
  $("layout").replaceChildren(...(names ?? []).map((name) => new Option(words[name] ?? name.replaceAll("_", " "), name)));
  if (chosen) $("layout").value = chosen;
}

function begin() {
  return new Call(seat, {
    tracks: { audio: track("audio"), video: track("video") },
    came: (stream) => {
      if ($("mix").srcObject === stream) return;
      $("mix").srcObject = stream;
      $("mix").play().then(() => { $("unmute-page").hidden = true; }).catch(() => { $("unmute-page").hidden = false; });
    },
    lost: (lost) => trouble("call", lost ? "The connection was lost. It comes back by itself …" : ""),
  });
}

function controls() {
  for (const [id, kind, on, off] of [["mic", "audio", "Mute", "Unmute"], ["camera", "video", "Camera off", "Camera on"]]) {
    const sends = Boolean(track(kind)?.enabled);
    $(id).setAttribute("aria-pressed", sends);
    $(id).querySelector("span").textContent = sends ? on : off;
  }
  $("own").hidden = !track("video")?.enabled;
}

$("mic").addEventListener("click", async () => {
  if (track("audio")) track("audio").enabled = !track("audio").enabled;
  else if (await act(() => open("audio", "default").then(() => true).catch(() => null), "trouble")) await call.replace("audio", track("audio"));
  controls();
});

// A camera that is off gives its light back, too.
$("camera").addEventListener("click", async () => {
  if (track("video")) {
    await call.replace("video", null);
    await open("video", OFF);
  } else {
    await open("video", $("cameras").value === OFF ? "default" : $("cameras").value).catch(() => {});
    if (track("video")) await call.replace("video", track("video"));
  }
  controls();
});

$("share").addEventListener("click", async () => {
  if (screen) return unshare(true);
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: SCREEN, audio: true });
  } catch {
    return; // They thought better of it.
  }
  const [video] = stream.getVideoTracks();
  video.contentHint = "detail";
  video.addEventListener("ended", () => unshare(true));
  screen = { stream, call: new Call(seat, { present: "send", tracks: { video, audio: stream.getAudioTracks()[0] } }) };
  $("share").setAttribute("aria-pressed", "true");
  $("share").querySelector("span").textContent = "Stop sharing";
  if (await act(() => seat.mine("take_floor").then(() => true), "trouble") === null) unshare(false);
});

function unshare(release) {
  if (!screen) return;
  const { stream, call: sent } = screen;
  screen = null;
  sent.close();
  for (const one of stream.getTracks()) one.stop();
  $("share").setAttribute("aria-pressed", "false");
  $("share").querySelector("span").textContent = "Share screen";
  if (release) seat.mine("release_floor").catch(() => {});
}

$("stream").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = {
    role: "GUEST", destination: $("address").value.trim(), protocol: "auto", streaming: "yes",
    remote_display_name: $("stream-name").value.trim(),
  };
  if (await act(() => seat.post("dial", body)) !== null) event.target.reset();
});
$("record").addEventListener("click", () => act(() => seat.post("dial", { destination: "record://", streaming: "yes" })));
$("layout").addEventListener("change", (event) => act(() => seat.post("transform_layout", { transforms: { layout: event.target.value } })));
$("lock").addEventListener("click", () => act(() => seat.post(flags.locked ? "unlock" : "lock")));
$("mute-guests").addEventListener("click", () => act(() => seat.post(flags.guests_muted ? "unmuteguests" : "muteguests")));
$("end").addEventListener("click", () => { if (confirm("End the conference for everybody?")) act(() => seat.post("disconnect")); });
$("unmute-page").addEventListener("click", () => $("mix").play().then(() => { $("unmute-page").hidden = true; }));
document.addEventListener("click", ({ target }) => {
  for (const one of document.querySelectorAll("#people details[open]")) if (!one.contains(target)) one.open = false;
});

function hangUp() {
  unshare(false);
  call?.close();
  call = null;
}

function move(told) {
  hangUp();
  const before = seat;
  before.drop();
  seat = Seat.moved(before, told);
  enter();
}

function leave(reason) {
  hangUp();
  seat.leave();
  for (const one of media.getTracks()) one.stop();
  $("why").textContent = reason || "You have left";
  $("again").href = `join.html?conference=${encodeURIComponent(seat.alias)}`;
  state("over");
}

$("leave").addEventListener("click", () => leave(""));
$("give-up").addEventListener("click", () => leave(""));
addEventListener("pagehide", () => { call?.close(); seat?.leave(); });

prepare();
