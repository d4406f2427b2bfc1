// A call: our media to the mixer, and its picture and sound to us. One that is lost is made again,
// for ever; `Call.over` ends it.

import { Patience, pause } from "./client.js";

const GATHERED = 1000; // Milliseconds for our addresses; what comes later is told later.
const DISCONNECTED = 3000;
const SILENT = 4000; // The mixer always sends: without a packet for so long it is gone.
const CONNECT = 15000;
const BITRATE = { main: 1_700_000, send: 2_500_000 };

// H.264 first: the mixer hands its pictures on as they are to all who take it.
function preferH264(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  const rank = (codec) => codec.mimeType === "video/H264"
    ? (codec.sdpFmtpLine?.includes("packetization-mode=1") ? 0 : 1) : 2;
  transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}

function gathered(pc) {
  const done = new Promise((resolve) => {
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState === "complete") resolve();
    });
  });
  return Promise.race([done, pause(GATHERED)]);
}

export class Call {
  #senders = {};
  #give = () => {};
  over = false;

  // `kind`: "main", or "send" for a presentation. `tracks`: {audio, video}, each of which may be null.
  // `told(state)`: "connecting", "connected", "lost". `came(stream)`: what is to be played.
  constructor(seat, kind, tracks, { told = () => {}, came = () => {} } = {}) {
    Object.assign(this, { seat, kind, tracks, told, came, id: "" });
    this.finished = this.#run();
  }

  // Another camera or microphone, or none, in the call that is there.
  async use(kind, track) {
    this.tracks[kind] = track;
    await this.#senders[kind]?.replaceTrack(track).catch(() => {});
  }

  // The call is to be made again, at once.
  lost() { this.#give(); }

  async end() {
    this.over = true;
    const id = this.id;
    this.#give();
    await this.finished;
    if (id) await this.seat.mine(`calls/${id}/disconnect`).catch(() => {});
  }

  async #run() {
    const patience = new Patience();
    while (!this.over) {
      this.told("connecting");
      try {
        await this.#once(() => { patience.rest(); this.told("connected"); });
      } catch (error) {
        if (error.stranger) this.seat.refresh();
      }
      if (this.over) break;
      this.told("lost");
      await patience.wait();
    }
  }

  async #once(connected) {
    const lost = new Promise((resolve) => { this.#give = resolve; });
    const pc = new RTCPeerConnection({ iceServers: this.seat.ice, bundlePolicy: "max-bundle" });
    this.id = "";
    const timers = new Set();
    const later = (milliseconds) => timers.add(setTimeout(this.#give, milliseconds));
    const clear = () => { timers.forEach(clearTimeout); timers.clear(); };
    const late = [];
    try {
      this.#prepare(pc);
      pc.addEventListener("connectionstatechange", () => {
        clear();
        if (pc.connectionState === "connected") connected();
        if (pc.connectionState === "failed") this.#give();
        if (pc.connectionState === "disconnected") later(DISCONNECTED);
      });
      await pc.setLocalDescription(await pc.createOffer());
      await gathered(pc);
      const sdp = pc.localDescription.sdp;
      pc.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate?.candidate) this.id ? this.#tell(candidate) : late.push(candidate);
      });
      const present = this.kind === "main" ? {} : { present: this.kind };
      const answer = await this.seat.mine("calls", { call_type: "WEBRTC", sdp, ...present });
      this.id = answer.call_uuid;
      if (this.over) return;
      later(CONNECT);
      await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      late.forEach((candidate) => this.#tell(candidate));
      this.seat.mine(`calls/${this.id}/ack`).catch(() => {});
      const watch = this.kind === "main" ? this.#watch(pc) : null;
      await lost;
      clearInterval(watch);
    } finally {
      clear();
      this.#senders = {};
      pc.close();
    }
  }

  #tell(candidate) {
    const body = { candidate: candidate.candidate, mid: candidate.sdpMid };
    this.seat.mine(`calls/${this.id}/new_candidate`, body).catch(() => {});
  }

  #prepare(pc) {
    const main = this.kind === "main";
    for (const kind of ["audio", "video"]) {
      const track = this.tracks[kind];
      if (!main && !track) continue;
      const limit = { maxBitrate: BITRATE[this.kind], maxFramerate: 30 };
      const transceiver = pc.addTransceiver(track ?? kind, {
        direction: main ? "sendrecv" : "sendonly",
        ...(kind === "video" ? { sendEncodings: [limit] } : {}),
      });
      this.#senders[kind] = transceiver.sender;
      if (kind === "video") preferH264(transceiver);
    }
    if (!main) return;
    const stream = new MediaStream();
    pc.addEventListener("track", ({ track }) => {
      stream.addTrack(track);
      this.came(stream);
    });
  }

  // Browsers notice late that nothing comes any more; packets tell sooner.
  #watch(pc) {
    let count = -1;
    let since = performance.now();
    const timer = setInterval(async () => {
      if (pc.connectionState !== "connected") { since = performance.now(); return; }
      let now = 0;
      for (const one of (await pc.getStats()).values()) {
        if (one.type === "inbound-rtp") now += one.packetsReceived ?? 0;
      }
      if (now !== count) since = performance.now();
      count = now;
      if (performance.now() - since > SILENT && !document.hidden) this.#give();
    }, 1000);
    return timer;
  }
}
