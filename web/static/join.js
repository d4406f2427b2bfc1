// The page on which people take part: the lobby, the wait for a Host, the conference, the way out.

import { $, trouble } from "./dom.js";
import { Call } from "./connect/call.js";
import { Patience, enter } from "./connect/client.js";
import { fill, meter, openCamera, openMicrophone, openScreen, sentence } from "./connect/devices.js";
import { follow } from "./connect/events.js";
import * as host from "./connect/host.js";
import * as people from "./connect/people.js";

const SCREENS = ["lobby", "waiting", "conference", "over"];
const NAME = "rostrum-name";

const tracks = { audio: null, video: null };
let stopMeter = () => {};
let given = null; // Alias, name and PIN with which we are in.
let seat = null;
let call = null;
let screen = null; // {call, stop} while we share.
let unfollow = () => {};

function go(to) {
  for (const one of SCREENS) $(one).hidden = one !== to;
  $(to).querySelector("h2[tabindex]")?.focus();
}

function press(button, on, words) {
  button.classList.toggle("off", !on);
  button.setAttribute("aria-pressed", String(on));
  if (words) button.lastElementChild.textContent = words;
}

// Devices

const OPEN = {
  audio: () => openMicrophone($("microphone").value, $("original").checked),
  video: () => openCamera($("camera").value),
};

const wanted = { audio: false, video: false };
const turns = { audio: Promise.resolve(), video: Promise.resolve() };

// One change of a device after the other: opening one takes its time, and people click meanwhile.
function use(kind, on) {
  wanted[kind] = on;
  turns[kind] = turns[kind].then(() => change(kind, on));
  return turns[kind];
}

async function change(kind, on) {
  const before = tracks[kind];
  tracks[kind] = null;
  before?.stop();
  let problem = "";
  if (on) {
    try {
      tracks[kind] = await OPEN[kind]();
      tracks[kind].addEventListener("ended", () => use(kind, false));
    } catch (error) {
      problem = `${kind === "audio" ? "No microphone" : "No camera"}: ${sentence(error)}`;
    }
  }
  $("media-error").textContent = $("own-error").textContent = problem;
  await call?.use(kind, tracks[kind]);
  showMedia(kind);
  const list = kind === "audio" ? $("microphone") : $("camera");
  await fill(list, `${kind}input`, tracks[kind]?.getSettings().deviceId);
}

function showMedia(kind) {
  const track = tracks[kind];
  if (kind === "video") {
    const stream = track ? new MediaStream([track]) : null;
    $("preview").srcObject = $("self").srcObject = stream;
    $("preview-cover").hidden = $("preview").srcObject !== null;
    $("self").hidden = !track;
    press($("lobby-camera"), Boolean(track));
    press($("cam"), Boolean(track), track ? "Stop camera" : "Start camera");
    return;
  }
  stopMeter();
  stopMeter = track && !seat ? meter(track, level) : () => {};
  press($("lobby-mic"), Boolean(track));
  showMute();
}

function level(loud) {
  $("meter").style.setProperty("--level", loud);
  $("meter").setAttribute("aria-valuenow", String(Math.round(loud * 100)));
}

const muted = () => people.me()?.is_muted === "YES";

function showMute() {
  const [mine, theirs] = [!tracks.audio?.enabled, muted()];
  const forbidden = theirs && !seat?.host;
  press($("mic"), !mine && !theirs, forbidden ? "Muted by Host" : mine || theirs ? "Unmute" : "Mute");
  $("mic").disabled = forbidden;
}

$("lobby-mic").addEventListener("click", () => use("audio", !tracks.audio));
$("lobby-camera").addEventListener("click", () => use("video", !tracks.video));
$("microphone").addEventListener("change", () => use("audio", true));
$("original").addEventListener("change", () => wanted.audio && use("audio", true));
$("camera").addEventListener("change", () => use("video", true));
$("cam").addEventListener("click", () => use("video", !tracks.video));
$("mic").addEventListener("click", async () => {
  if (!tracks.audio) {
    await use("audio", true);
    if (!tracks.audio) return;
  } else if (muted() && seat.host) {
    tracks.audio.enabled = true;
  } else {
    tracks.audio.enabled = !tracks.audio.enabled;
  }
  // Whom a Host has muted, a Host unmutes; so only Hosts tell the others of it themselves.
  if (seat.host) seat.mine(tracks.audio.enabled ? "unmute" : "mute").catch(() => {});
  showMute();
});

// Coming in

$("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [alias, name] = [$("alias").value.trim(), $("display-name").value.trim()];
  const wrong = !alias ? ["alias", "Which conference?"] : !name ? ["display-name", "What is your name?"] : null;
  $("enter-error").textContent = wrong?.[1] ?? "";
  if (wrong) { $(wrong[0]).focus(); return; }
  $("join").disabled = true;
  try {
    await comeIn(alias, name, $("pin-field").hidden ? null : $("pin").value);
    remember(name);
  } catch (error) {
    $("enter-error").textContent = error.message;
    if (!$("pin-field").hidden) $("pin").select();
  }
  $("join").disabled = false;
});

function remember(name) {
  try { localStorage.setItem(NAME, name); } catch { /* A browser may keep nothing. */ }
}

async function comeIn(alias, name, pin) {
  const told = await enter(alias, name, pin);
  if (told.pin) {
    $("pin-field").hidden = false;
    $("pin-help").textContent = told.pin.guest_pin === "none" ? "If you are a Guest and have none, leave it empty." : "";
    $("pin").focus();
    return;
  }
  given = { alias, name, pin };
  sit(told.seat);
}

function sit(one) {
  seat = one;
  seat.lost = again;
  stopMeter();
  stopMeter = () => {};
  $("name").textContent = seat.conference;
  document.title = `${seat.conference} · Rostrum`;
  $("record").dataset.name = given.alias.replaceAll(/[^A-Za-z0-9_-]/g, "-");
  people.forget();
  people.seated(seat, host.act);
  host.seated(seat);
  unfollow = follow(seat, heard, (yes) => {
    trouble(yes ? "" : "The connection to the server was lost. Trying again …");
  });
  if (seat.waits) go("waiting");
  else letIn();
}

function letIn() {
  seat.waits = false;
  go("conference");
  $("cover").hidden = false;
  showMedia("video");
  showMute();
  call = new Call(seat, "main", tracks, { told: calling, came: play });
}

// The server has forgotten us, as after a long loss of the line: the same person comes in again.
async function again() {
  const patience = new Patience();
  const mine = seat;
  await hangUp();
  notice("You were gone for too long; joining again …");
  while (seat === mine) {
    try {
      const told = await enter(given.alias, given.name, given.pin);
      if (seat === mine && told.seat) { notice(""); sit(told.seat); return; }
      if (told.pin) { finish("The conference wants a PIN."); return; }
    } catch (error) {
      if (error.status === 403 || error.status === 404) { finish(error.message); return; }
    }
    await patience.wait();
  }
}

// A Host has transferred us.
function move(there) {
  hangUp();
  given = { ...given, alias: there.alias };
  sit(seat.moved(there));
}

// In the conference

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

function calling(state) {
  $("conference").dataset.call = state;
  if (state === "connected") notice("");
  else if (state === "lost") notice("The connection was lost. Calling again …");
}

function play(stream) {
  const video = $("mix");
  if (video.srcObject !== stream) video.srcObject = stream;
  video.play().then(() => { $("listen").hidden = true; }, (error) => {
    $("listen").hidden = error.name !== "NotAllowedError";
  });
}

$("mix").addEventListener("playing", () => { $("cover").hidden = true; });
$("listen").addEventListener("click", () => play($("mix").srcObject));

function heard(kind, data) {
  host.heard(kind, data);
  if (people.heard(kind, data)) changed();
  switch (kind) {
    case "conference_update":
      $("on-air").hidden = !data.streaming;
      $("kept").hidden = !data.recording;
      $("locked").hidden = !data.locked;
      break;
    case "presentation_start": presented(data); break;
    case "presentation_stop": presented(null); break;
    case "call_disconnected": if (data.call_uuid === call?.id) call.lost(); break;
    case "disconnect": finish(data.reason); break;
    case "refer": move(data); break;
  }
}

function changed() {
  const me = people.me();
  if (!me || !seat) return;
  seat.host = me.role === "chair";
  $("desk").hidden = !seat.host;
  if (seat.waits && me.service_type !== "waiting_room") letIn();
  showMute();
}

function presented(by) {
  $("presenting").hidden = !by;
  if (by) $("presenting").textContent = by.presenter_uuid === seat.who ? "You present" : `${by.presenter_name} presents`;
  // Somebody else has taken the floor.
  if (by && screen && screen.floor && by.presenter_uuid !== seat.who) stopSharing();
  if (by && screen && by.presenter_uuid === seat.who) screen.floor = true;
}

// The screen

$("share").addEventListener("click", async () => {
  if (screen) { stopSharing(); return; }
  $("own-error").textContent = "";
  let shown;
  try {
    shown = await openScreen();
  } catch (error) {
    if (error.name !== "NotAllowedError") $("own-error").textContent = "The screen cannot be shared here.";
    return;
  }
  const mine = { floor: false, tracks: shown };
  screen = mine;
  shown.video.addEventListener("ended", () => screen === mine && stopSharing());
  showShare();
  mine.call = new Call(seat, "send", shown, {
    told: async (state) => {
      if (state !== "connected" || screen !== mine) return;
      try {
        await seat.mine("take_floor");
      } catch (error) {
        $("own-error").textContent = error.message;
        if (error.status === 403) stopSharing();
      }
    },
  });
});

async function stopSharing() {
  const mine = screen;
  if (!mine) return;
  screen = null;
  Object.values(mine.tracks).forEach((track) => track?.stop());
  showShare();
  await seat?.mine("release_floor").catch(() => {});
  await mine.call?.end();
}

function showShare() {
  $("share").classList.toggle("on", screen !== null);
  $("share").setAttribute("aria-pressed", String(screen !== null));
  $("share").lastElementChild.textContent = screen ? "Stop sharing" : "Share screen";
}

// The way out

async function hangUp() {
  unfollow();
  const [mine, shared] = [call, screen];
  call = screen = null;
  Object.values(shared?.tracks ?? {}).forEach((track) => track?.stop());
  showShare();
  if (mine) mine.over = true;
  if (shared?.call) shared.call.over = true;
  mine?.lost();
  shared?.call?.lost();
  $("mix").srcObject = null;
  presented(null);
}

function finish(reason = "") {
  const mine = seat;
  seat = null;
  mine?.close();
  hangUp();
  use("audio", false);
  use("video", false);
  notice("");
  trouble("");
  for (const one of ["on-air", "kept", "locked"]) $(one).hidden = true;
  $("over-reason").textContent = reason && !reason.endsWith(".") ? `${reason}.` : reason;
  go("over");
}

function leave() {
  seat?.leave();
  finish();
}

$("leave").addEventListener("click", leave);
$("give-up").addEventListener("click", leave);
$("return").addEventListener("click", () => location.reload());
addEventListener("pagehide", () => seat?.leave());
addEventListener("pageshow", (event) => event.persisted && location.reload());

// The lobby

async function begin() {
  const alias = new URLSearchParams(location.search).get("conference") ?? "";
  $("alias").value = alias;
  $("alias-field").hidden = alias !== "";
  if (alias) $("welcome").textContent = `Join ${alias}`;
  try { $("display-name").value = localStorage.getItem(NAME) ?? ""; } catch { /* It kept nothing. */ }
  (alias ? $("display-name") : $("alias")).focus();
  $("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
  if (!navigator.mediaDevices) {
    $("media-error").textContent = window.isSecureContext
      ? "This browser gives pages no camera and no microphone. You can look on."
      : "Camera and microphone are for pages that came by HTTPS; this one did not. You can look on, and be neither seen nor heard.";
    for (const one of ["lobby-mic", "lobby-camera", "mic", "cam", "original"]) $(one).disabled = true;
    return;
  }
  await use("audio", true);
  const silent = $("media-error").textContent;
  await use("video", true);
  if (silent && !$("media-error").textContent) $("media-error").textContent = silent;
}

begin();
