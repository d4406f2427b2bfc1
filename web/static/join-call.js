// A call of this browser: media to the conference and from it, made anew whenever it is lost.

import { pause } from "./join-seat.js";

const GATHER = 1000; // Milliseconds for the browser to find out where it can be reached.
const SHAKY = 3000; // Milliseconds that a connection may be away before it counts as lost.
const FIRST_RETRY = 500, LAST_RETRY = 8000;

function preferH264(transceiver) {
  const known = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  if (!known || !transceiver.setCodecPreferences) return;
  const isH264 = ({ mimeType }) => mimeType.toLowerCase() === "video/h264";
  transceiver.setCodecPreferences([...known.filter(isH264), ...known.filter((codec) => !isH264(codec))]);
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  const done = new Promise((resolve) => pc.addEventListener("icegatheringstatechange", () => {
    if (pc.iceGatheringState === "complete") resolve();
  }));
  return Promise.race([done, pause(GATHER)]);
}

export class Call {
  // `present`: undefined for camera and microphone, "send" for a screen. `tracks` by kind.
  // `came` gets the stream that arrives; `lost` hears whether the call is away.
  constructor(seat, { present, tracks = {}, came = () => {}, lost = () => {} }) {
    Object.assign(this, { seat, present, tracks, came, lost });
    this.open = true;
    this.wait = FIRST_RETRY;
    this.run();
  }

  async run() {
    while (this.open) {
      try {
        await this.connect();
        await this.ended;
      } catch (error) {
        if (this.open) console.info("call not made:", error.message);
      }
      this.pc?.close();
      if (!this.open) return;
      this.lost(true);
      await pause(this.wait);
      this.wait = Math.min(this.wait * 2, LAST_RETRY);
    }
  }

  async connect() {
    const pc = this.pc = new RTCPeerConnection({ iceServers: this.seat.servers, bundlePolicy: "max-bundle" });
    this.ended = new Promise((resolve) => { this.end = resolve; });
    let shaky;
    pc.addEventListener("connectionstatechange", () => {
      clearTimeout(shaky);
      if (pc.connectionState === "connected") { this.wait = FIRST_RETRY; this.lost(false); }
      if (pc.connectionState === "disconnected") shaky = setTimeout(this.end, SHAKY);
      if (["failed", "closed"].includes(pc.connectionState)) this.end();
    });
    const stream = new MediaStream();
    pc.addEventListener("track", ({ track }) => { stream.addTrack(track); this.came(stream); });
    this.senders = {};
    for (const kind of ["audio", "video"]) {
      const track = this.tracks[kind];
      if (this.present === "send" && !track) continue;
      const direction = this.present === "send" ? "sendonly" : track ? "sendrecv" : "recvonly";
      const transceiver = pc.addTransceiver(track ?? kind, { direction });
      if (kind === "video") preferH264(transceiver);
      this.senders[kind] = transceiver.sender;
    }
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const body = { call_type: "WEBRTC", sdp: pc.localDescription.sdp, present: this.present };
    const made = await this.seat.mine("calls", body);
    this.id = made.call_uuid;
    await pc.setRemoteDescription({ type: "answer", sdp: made.sdp });
    await this.seat.mine(`calls/${this.id}/ack`);
  }

  // Send another track of a kind, or none, without a new call where that is possible.
  async replace(kind, track) {
    const had = this.tracks[kind];
    this.tracks = { ...this.tracks, [kind]: track };
    if (this.senders?.[kind] && (had || !track)) await this.senders[kind].replaceTrack(track);
    else this.end?.();
  }

  close() {
    this.open = false;
    this.end?.();
    this.pc?.close();
    if (this.id && this.seat.open) this.seat.mine(`calls/${this.id}/disconnect`).catch(() => {});
  }
}
