// Record, stop recording, and what was recorded: played in the place of the live picture.

const API = "/api/rostrum/v1";
const $ = (id) => document.getElementById(id);

let view = null;
let shown = "";
let mayWrite = false;
let busy = false;
let again = null;

const time = (seconds) => {
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
};
const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

function recording() {
  return view?.participants.filter((p) => p.is_recording) ?? [];
}

addEventListener("conference", (event) => {
  const before = recording().map((p) => p.state).join();
  const other = view?.conference !== event.detail.conference;
  view = event.detail;
  $("kept").hidden = !view.recording;
  button();
  if (other || before !== recording().map((p) => p.state).join()) list();
});

function button() {
  const on = recording().length > 0;
  $("record").hidden = !mayWrite || !view || (!on && !view.running);
  $("record").disabled = busy;
  $("record").classList.toggle("on", on);
  $("record").textContent = on ? "Stop recording" : "Record";
}

$("record").addEventListener("click", async () => {
  const one = `${API}/conferences/${encodeURIComponent(view.conference)}`;
  busy = true;
  button();
  try {
    const calls = recording();
    const answers = calls.length
      ? await Promise.all(calls.map((p) => fetch(`${one}/participants/${p.participant}/`, { method: "DELETE" })))
      : [await fetch(`${one}/recordings/`, { method: "POST", body: "{}" })];
    const bad = answers.find((answer) => !answer.ok && answer.status !== 409);
    if (bad) {
      const said = await bad.json().catch(() => ({}));
      const fields = Object.values(said).find((value) => typeof value === "object") ?? {};
      tell(Object.values(fields).flat().join(" ") || said.error || "That did not work.");
    } else tell("");
  } catch {
    tell("The server does not answer at the moment.");
  }
  busy = false;
  button();
});

function tell(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text;
}

async function list() {
  const key = view.conference;
  const answer = await fetch(`${API}/recordings/?conference=${encodeURIComponent(key)}`, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok || view.conference !== key) return;
  const { recordings } = await answer.json();
  const parts = recordings
    .filter((r) => r.state !== "deleting")
    .flatMap((r) => r.parts.map((part) => ({ r, part, many: r.parts.length > 1 })));
  // What is being recorded, or was just now, is looked at again until its last file is finished.
  clearTimeout(again);
  if (recordings.some((r) => r.state === "recording" || r.parts.some((p) => !p.sha256))) {
    again = setTimeout(list, recording().length ? 10000 : 1000);
  }
  const now = JSON.stringify(parts);
  if (now === shown) return;
  shown = now;
  $("recordings").hidden = parts.length === 0;
  $("recorded").replaceChildren(...parts.map(row));
}

function row({ r, part, many }) {
  const item = document.createElement("li");
  const play = document.createElement("button");
  play.textContent = `▶ ${r.name}${many ? ` · part ${part.number}` : ""}`;
  play.addEventListener("click", () => watch(r, part));
  const what = document.createElement("p");
  what.className = "what";
  const begun = r.started_at ? new Date(r.started_at).toLocaleString() : "";
  const lasts = part.seconds ? `${time(part.seconds)} · ${size(part.size)}` : "being recorded";
  what.textContent = [begun, lasts, part.cut && "cut off", r.reason].filter(Boolean).join(" · ");
  const keep = document.createElement("a");
  keep.href = `${part.url}?download=1`;
  keep.download = part.file;
  keep.textContent = "Download";
  what.append(" · ", keep);
  item.append(play, what);
  return item;
}

function watch(r, part) {
  dispatchEvent(new CustomEvent("play-recording"));
  const video = $("video");
  video.replaceChildren();
  video.src = part.url;
  const chapters = document.createElement("track");
  chapters.kind = "chapters";
  chapters.src = `${API}/recordings/${encodeURIComponent(r.recording)}/chapters.vtt?part=${part.number}`;
  video.append(chapters);
  video.muted = false;
  video.play().catch(() => {});
}

const me = await fetch(`${API}/me/`, { cache: "no-store" }).catch(() => null);
mayWrite = me?.ok ? (await me.json()).access === "read-write" : false;
button();
