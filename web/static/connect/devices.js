// Cameras and microphones: which there are, and what comes of them.

export const DENIED = {
  NotAllowedError: "The browser does not let this page use it. Allow it beside the address, or take part without.",
  NotFoundError: "There is none at this computer.",
  NotReadableError: "Another program uses it.",
  OverconstrainedError: "It is not there any more.",
};

export const sentence = (error) => DENIED[error.name] ?? "It cannot be used.";

const CAMERA = { width: { ideal: 1280, max: 1280 }, height: { ideal: 720, max: 720 }, frameRate: { ideal: 30, max: 30 } };

// The mixer levels; a browser that did so, too, would only raise the noise of who is silent.
const microphone = (original) => ({ echoCancellation: !original, noiseSuppression: !original, autoGainControl: false });

const chosen = (device) => (device ? { deviceId: { exact: device } } : {});

export async function openCamera(device) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { ...CAMERA, ...chosen(device) } });
  return stream.getVideoTracks()[0];
}

export async function openMicrophone(device, original) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...microphone(original), ...chosen(device) } });
  return stream.getAudioTracks()[0];
}

// The screen, as it is sent: sharp rather than smooth.
export async function openScreen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({
    video: { frameRate: { max: 15 }, width: { max: 1920 }, height: { max: 1080 } }, audio: true,
  });
  const video = stream.getVideoTracks()[0];
  video.contentHint = "detail";
  return { video, audio: stream.getAudioTracks()[0] ?? null };
}

export async function fill(select, kind, current) {
  const all = await navigator.mediaDevices.enumerateDevices();
  const named = all.filter((one) => one.kind === kind && one.deviceId);
  select.replaceChildren(...named.map((one, n) => new Option(one.label || `Number ${n + 1}`, one.deviceId)));
  if (current) select.value = current;
  select.disabled = named.length === 0;
}

// How loud a microphone is, ten times a second: 0 to 1.
export function meter(track, show) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const loud = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
    show(loud ? Math.max(0, Math.min(1, 1 + Math.log10(loud) / 2.5)) : 0); // From -50 dB on.
  }, 100);
  return () => { clearInterval(timer); context.close(); show(0); };
}
