"""The peer: an ffmpeg command line that does the same job, file in, FLV out."""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec

from bench.inputs import FPS, Case
from bench.reference import rectangles
from services.mixer.core.palette import BACKDROP


class Peer(msgspec.Struct, frozen=True):
    """CPU seconds per second of media, start-up included."""

    cpu: float
    startup: float
    "CPU seconds of an ffmpeg that does nothing: in `cpu` once, divided by the seconds."


def measure(case: Case, clips: list[Path], seconds: int) -> Peer | None:
    """Nothing where there is no ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    startup = cpu_of([program, "-hide_banner", "-version"])
    return Peer(cpu_of([program, *command(case, clips, seconds)]) / seconds, startup)


def command(case: Case, clips: list[Path], seconds: int) -> list[str]:
    """The arguments. Its decoders and filters have one thread each and x264 two, as the system's:
    more threads cost it CPU and save it time that is not measured."""
    arguments = ["-v", "error", "-nostdin", "-y", "-filter_complex_threads", "1"]
    for clip in clips:
        arguments += ["-threads", "1", "-t", str(seconds), "-i", str(clip)]
    arguments += ["-filter_complex", graph(case, len(clips)), "-map", "[v]", "-map", "[a]"]
    video = f"-c:v libx264 -preset veryfast -profile:v high -threads:v 2 -bf 0 -g {2 * FPS}"
    rate = f"-b:v {case.video_kbps}k -maxrate {case.video_kbps}k -bufsize {2 * case.video_kbps}k"
    sound = "-c:a aac -aac_coder fast -b:a 128k -ar 48000 -ac 2"
    same = f"-keyint_min {2 * FPS} -sc_threshold 0 -forced-idr 1 -x264-params"
    arguments += [*video.split(), *rate.split(), *same.split()]
    arguments += ["scenecut=0:rc-lookahead=10:open-gop=0"]
    arguments += sound.split()
    return [*arguments, "-t", str(seconds), "-f", "flv", "/dev/null"]


def graph(case: Case, participants: int) -> str:
    """Scale each into its place, stack them on the backdrop, mix the voices."""
    rects = rectangles(case, participants)
    chains = [
        f"[{n}:v]scale={rect.width}:{rect.height}:flags=bicubic[t{n}]"
        for n, rect in enumerate(rects)
    ]
    colour = "0x{:02x}{:02x}{:02x}".format(*BACKDROP)
    # xstack is as large as its tiles reach: two pixels in the lower right corner make it whole,
    # which costs less than padding every picture.
    chains.append(f"color={colour}:size=2x2:rate={FPS}[corner]")
    places = "|".join(
        [*(f"{rect.x}_{rect.y}" for rect in rects), f"{case.width - 2}_{case.height - 2}"]
    )
    tiles = "".join(f"[t{n}]" for n in range(participants))
    chains.append(
        f"{tiles}[corner]xstack=inputs={participants + 1}:layout={places}"
        f":fill={colour}:shortest=1,format=yuv420p[v]"
    )
    voices = "".join(f"[{n}:a]" for n in range(participants))
    chains.append(f"{voices}amix=inputs={participants}:normalize=0[a]")
    return ";".join(chains)


def cpu_of(command: list[str]) -> float:
    """CPU seconds of a command, as the system counted them when it ended."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime
