// One page for one conference: what its RTMP server received, beside who is in it, live.

const API = "/api/rostrum/v1";
const RETRY = 2000; // Milliseconds between looks for what is not there yet.
const $ = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search).get("conference");

let people = new Map(); // Participant id to name, for layout and stage.
let layout = { stage: [], layouts: [] };
let source = null;
let watching = null;
let player = null;

const STATES = {
  requested: "Being called …", routed: "Being called …", assigned: "Being called …",
  connecting: "Connecting …", recovering: "Reconnecting …", connected: "",
};

const CALLED_BY = {
  webrtc: "WebRTC", rtmp: "RTMP", sip: "SIP", mssip: "MS-SIP", h323: "H.323", teams: "Microsoft Teams",
};

async function get(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text;
}

function cover(text) {
  $("cover").hidden = !text;
  $("cover-text").textContent = text;
}

// The conference that is asked for, or else the first one that runs; looked for until there is one.
async function choose() {
  for (;;) {
    try {
      const { conferences } = await get(`${API}/conferences/`);
      trouble("");
      offer(conferences);
      const chosen = wanted
        ? conferences.find((c) => c.aliases.includes(wanted) || c.conference === wanted)
        : conferences.find((c) => c.running) ?? conferences[0];
      if (chosen) return chosen;
      cover(wanted
        ? `There is no conference “${wanted}”.`
        : "No conference is configured yet. “rostrum conferences add NAME” makes one.");
    } catch {
      trouble("The server does not answer at the moment. Trying again …");
    }
    await new Promise((done) => setTimeout(done, RETRY));
  }
}

function offer(conferences) {
  const chooser = $("chooser");
  const names = conferences.map((c) => [c.aliases[0] ?? c.conference, c.name]);
  chooser.closest("label").hidden = names.length < 2;
  chooser.replaceChildren(...names.map(([alias, name]) => new Option(name, alias, false, alias === wanted)));
}

$("chooser").addEventListener("change", (event) => {
  location.search = new URLSearchParams({ conference: event.target.value });
});

function show(view) {
  document.title = `${view.name} · Rostrum`;
  const alias = view.aliases?.[0] ?? wanted;
  if (alias) $("take-part").href = `join.html?${new URLSearchParams({ conference: alias })}`;
  $("name").textContent = view.name;
  if (view.running === false && $("cover-text").textContent.startsWith("Looking")) cover("The conference has not begun.");
  $("gateway").hidden = view.service_type !== "gateway";
  $("state").hidden = view.running;
  $("state").textContent = "Not running";
  $("on-air").hidden = !view.streaming;
  dispatchEvent(new CustomEvent("conference", { detail: view }));
  people = new Map(view.participants.map((p) => [p.participant, p.display_name]));
  $("count").textContent = view.participants.length || "";
  $("list").replaceChildren(...view.participants.map(card));
  const nobody = $("nobody");
  nobody.hidden = view.participants.length > 0;
  nobody.textContent = view.running
    ? "Nobody is here just now."
    : view.end_reason ? `It is over: ${view.end_reason}.` : "Nobody has come yet. The conference starts with the first one.";
  showLayout();
}

function card(participant) {
  const item = $("participant").content.cloneNode(true).firstElementChild;
  const call = participant.destination;
  item.classList.toggle("streaming", Boolean(call));
  item.classList.toggle("waiting", participant.state !== "connected");
  item.querySelector(".avatar").textContent = call ? "▶" : initials(participant.display_name);
  item.querySelector(".avatar").style.setProperty("--hue", hue(participant.participant));
  item.querySelector("b").textContent = participant.display_name;
  item.querySelector(".stream").hidden = !participant.is_streaming;
  item.querySelector(".kept").hidden = !participant.is_recording;
  item.querySelector(".present").hidden = !participant.presenting;
  item.querySelector(".role").textContent = participant.role === "host" ? "Host" : "Guest";
  const what = item.querySelector(".what");
  const said = [STATES[participant.state] ?? participant.state];
  if (participant.protocol) said.push(`Called by ${CALLED_BY[participant.protocol]}`);
  if (participant.state !== "connected" && participant.detail) said.push(participant.detail);
  if (call && call.url !== participant.display_name) said.push(call.url);
  what.textContent = said.filter(Boolean).join(" · ");
  if (call) {
    const mark = document.createElement("code");
    mark.textContent = `#${call.fingerprint}`;
    mark.title = "Equal for equal addresses, so that two streams can be told apart";
    what.append(what.textContent ? " · " : "", participant.encrypted ? "encrypted · " : "", mark);
  }
  return item;
}

function initials(name) {
  return name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
}

function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}

function chip(text, kind = "") {
  const element = document.createElement("span");
  element.className = `chip ${kind}`;
  element.textContent = text;
  return element;
}

function showLayout() {
  const single = layout.layouts.find((l) => l.content === "single") ?? layout.layouts[0];
  const name = (id) => people.get(id) ?? "Somebody";
  if (single) {
    const slots = single.slots.map((slot) => {
      const what = { presentation: "'s presentation", inset: ", inset" }[slot.kind] ?? "";
      const big = slot.kind === "main" || slot.kind === "presentation";
      return chip(`${name(slot.participant)}${what}`, big ? "main" : "");
    });
    $("layout").replaceChildren(chip(single.view, "view"), ...slots);
  } else {
    $("layout").textContent = "Nothing is rendered while nobody watches.";
  }
  const heard = layout.stage.filter((id) => people.has(id));
  if (heard.length) $("stage").replaceChildren(...heard.map((id, n) => chip(name(id), n ? "" : "main")));
  else $("stage").textContent = "Silence.";
}

function follow(conference) {
  const alias = conference.aliases[0] ?? conference.conference;
  source = new EventSource(`${API}/conferences/${encodeURIComponent(alias)}/events/`);
  source.addEventListener("view", (event) => { trouble(""); show(JSON.parse(event.data)); });
  source.addEventListener("layout", (event) => { layout = JSON.parse(event.data); showLayout(); });
  source.addEventListener("error", () => {
    trouble("The connection was lost; what you see may be old. Trying again …");
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow(conference), RETRY);
  });
}

// A recording takes the picture's place; the live stream comes back with the next look at the page.
addEventListener("play-recording", () => {
  clearTimeout(watching);
  player?.destroy();
  cover("");
});

// What the RTMP server offers; looked for again and again, because a stream starts when it likes.
async function play(conference) {
  const { hls } = await get("/web-config.json");
  if (!hls) return look(conference);
  const url = hls.replace("{alias}", encodeURIComponent(conference.aliases[0] ?? conference.conference));
  await until(url);
  const video = $("video");
  video.addEventListener("playing", () => cover(""));
  if (window.Hls?.isSupported()) start(url, video);
  else if (video.canPlayType("application/vnd.apple.mpegurl")) { video.src = url; }
  else cover("This browser cannot play the stream.");
}

// Without a player: a picture every two seconds, while the page is seen and the conference runs.
async function look(conference) {
  const alias = conference.aliases[0] ?? conference.conference;
  const url = `${API}/conferences/${encodeURIComponent(alias)}/preview.jpeg`;
  const picture = $("preview");
  $("video").hidden = true;
  for (;;) {
    if (!document.hidden) {
      const next = new Image();
      next.src = `${url}?at=${Date.now()}`;
      try {
        await next.decode(); // So that the old one stays until the new one is there.
        picture.src = next.src;
        picture.hidden = false;
        cover("");
      } catch {
        cover("A preview will appear here as soon as somebody is in the conference.");
      }
    }
    await new Promise((done) => setTimeout(done, RETRY));
  }
}

async function until(url) {
  for (;;) {
    const answer = await fetch(url, { cache: "no-store" }).catch(() => null);
    if (answer?.ok && (await answer.text()).includes("#EXTINF")) return;
    cover("The stream will appear here as soon as the server has some of it.");
    await new Promise((done) => setTimeout(done, RETRY));
  }
}

function start(url, video) {
  clearTimeout(watching);
  cover("The stream is starting …");
  player = new Hls({ liveSyncDurationCount: 2, liveMaxLatencyDurationCount: 6, enableWorker: true });
  player.loadSource(url);
  player.attachMedia(video);
  player.on(Hls.Events.MANIFEST_PARSED, () => video.play().catch(() => {}));
  player.on(Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    player.destroy();
    cover("The stream has stopped. It comes back here by itself.");
    watching = setTimeout(async () => { await until(url); start(url, video); }, RETRY);
  });
}

const conference = await choose();
show(conference);
layout = { stage: conference.stage ?? [], layouts: conference.layouts ?? [] };
showLayout();
follow(conference);
play(conference).catch(() => cover("The stream cannot be played at the moment."));
