"""What each encoder is told: constant bit rate in the sense of players' buffers, and key frames by
number alone."""

import os
from collections.abc import Sequence

from proto.egress import Measure
from proto.media import Rendition
from proto.urls import Codec
from services.rtmp_egress.core.room import SOFTWARE

os.environ.setdefault("SVT_LOG", "1")
"""Else SVT-AV1 writes a page to stderr for each encoder."""

CANDIDATES: dict[Codec, tuple[str, ...]] = {
    "h264": ("h264_nvenc", "h264_qsv", "h264_amf", "h264_v4l2m2m", SOFTWARE),
    "hevc": ("hevc_nvenc", "hevc_qsv", "hevc_amf", "hevc_v4l2m2m", "libx265"),
    "av1": ("av1_nvenc", "av1_qsv", "av1_amf", "libsvtav1"),
}
"""In the order of `auto`: whatever takes the load off the processor first; software comes last."""

SOFTWARE_OPTIONS = {
    "default": {
        "preset": "superfast",
        "x264-params": "scenecut=0:mbtree=1:rc-lookahead=10:open-gop=0",
    },
    "quality": {"preset": "veryfast", "x264-params": "scenecut=0:rc-lookahead=10:open-gop=0"},
    "low_latency": {
        "preset": "superfast",
        "tune": "zerolatency",
        "x264-params": "scenecut=0:open-gop=0",
    },
}
"""By `Rendition.quality`. The default costs half of `veryfast` and looks as good; zerolatency
gives up quality for 333 ms that RTMP's viewers do not notice."""

FASTEST = {"preset": "ultrafast", "x264-params": "scenecut=0:open-gop=0"}
"""Half the cost of the default or less, for two or three decibels; looking ahead would cost a
fifth of it."""

_NVENC = {"preset": "p4", "rc": "cbr", "no-scenecut": "1", "forced-idr": "1"}
_QSV = {"preset": "veryfast", "look_ahead": "0", "adaptive_i": "0", "forced_idr": "1"}
_AMF = {"usage": "transcoding", "rc": "cbr", "quality": "balanced", "forced_idr": "1"}

OTHER_OPTIONS = {
    "h264_nvenc": _NVENC,
    "h264_qsv": _QSV,
    "h264_amf": _AMF,
    "hevc_nvenc": _NVENC,
    "hevc_qsv": {key: value for key, value in _QSV.items() if key != "look_ahead"},
    "hevc_amf": {key: value for key, value in _AMF.items() if key != "forced_idr"},
    "libx265": {
        "preset": "ultrafast",
        "forced-idr": "1",
        "x265-params": "log-level=none:scenecut=0:open-gop=0:bframes=0:rc-lookahead=10",
    },
    "av1_nvenc": {key: value for key, value in _NVENC.items() if key != "no-scenecut"},
    "av1_qsv": {"preset": "veryfast", "forced_idr": "1"},
    "av1_amf": {"usage": "transcoding", "rc": "cbr", "quality": "balanced"},
    "libsvtav1": {"preset": "11", "svtav1-params": "pred-struct=1:rc=2:lp=2"},
}
"""x265's next preset costs twice as much, which is ten times x264; SVT-AV1 costs two of x264."""


def video_options(
    name: str, rendition: Rendition, fps: int, measures: Sequence[Measure] = ()
) -> dict[str, str]:
    gop = str(fps * rendition.gop_seconds)
    common = {
        "maxrate": f"{rendition.video_kbps}k",
        "bufsize": f"{2 * rendition.video_kbps}k",
        "g": gop,
        "bf": "0",
    }
    if name != SOFTWARE:
        return common | OTHER_OPTIONS.get(name, {})
    own = SOFTWARE_OPTIONS[rendition.quality]
    if "preset" in measures:
        own = own | FASTEST
    return (
        common
        | {"keyint_min": gop, "sc_threshold": "0", "profile": "high", "forced-idr": "1"}
        | own
    )
