"""The endpoints of Pexip's client API, each `(method, path, summary, body)`; every answer is in the
envelope `{"status", "result"}`."""

CLIENT = "/api/client/v2"
ONE = f"{CLIENT}/conferences/{{alias}}"
WHO = f"{ONE}/participants/{{participant}}"
CALL = f"{WHO}/calls/{{call}}"

WITHOUT_EFFECT = (
    "allowrxpresentation",
    "buzz",
    "clearbuzz",
    "client_mute",
    "client_unmute",
    "denyrxpresentation",
    "dtmf",
    "fecc",
    "hide_live_captions",
    "notify_not_afk",
    "overlaytext",
    "preferred_aspect_ratio",
    "pres_in_mix",
    "show_live_captions",
    "video_muted",
    "video_unmuted",
)
"""Of a participant: clients say these of themselves; they are heard, and change nothing here."""

ENDPOINTS: tuple[tuple[str, str, str, str], ...] = (
    ("get", f"{CLIENT}/status/", "That somebody answers", ""),
    ("post", f"{ONE}/request_token/", "Come in", "TokenRequest"),
    ("post", f"{ONE}/refresh_token/", "Stay, with a new token", ""),
    ("post", f"{ONE}/release_token/", "Go", "ReleaseRequest"),
    ("get", f"{ONE}/conference_status/", "What holds for the conference", ""),
    ("get", f"{ONE}/participants/", "Who is there", ""),
    ("get", f"{ONE}/available_layouts/", "The layouts that there are", ""),
    ("get", f"{ONE}/layout_svgs/", "A small picture of each", ""),
    ("post", f"{ONE}/dial/", "Call a streaming service, or record", "ClientDial"),
    ("post", f"{ONE}/lock/", "Keep newcomers waiting", ""),
    ("post", f"{ONE}/unlock/", "Keep nobody waiting", ""),
    ("post", f"{ONE}/start_conference/", "Without effect: a Host's coming has started it", ""),
    ("post", f"{ONE}/clearallbuzz/", "Without effect", ""),
    ("post", f"{ONE}/set_guests_can_unmute/", "Without effect", ""),
    ("post", f"{ONE}/muteguests/", "Stop hearing all Guests", ""),
    ("post", f"{ONE}/unmuteguests/", "Hear all Guests again", ""),
    ("post", f"{ONE}/disconnect/", "End the conference", ""),
    ("post", f"{ONE}/transform_layout/", "Change layouts and indicators", "ClientTransform"),
    ("post", f"{WHO}/disconnect/", "Go, or send somebody away", ""),
    ("post", f"{WHO}/mute/", "Stop hearing somebody", ""),
    ("post", f"{WHO}/unmute/", "Hear somebody again", ""),
    ("post", f"{WHO}/spotlighton/", "Put first on the stage, whoever speaks", ""),
    ("post", f"{WHO}/spotlightoff/", "Take out of the spotlight", ""),
    ("post", f"{WHO}/unlock/", "Let somebody in who waits", ""),
    ("post", f"{WHO}/role/", "Make somebody a Host or a Guest", "ClientRole"),
    ("post", f"{WHO}/transfer/", "Move somebody to another conference", "ClientTransfer"),
    ("post", f"{WHO}/take_floor/", "Present", ""),
    ("post", f"{WHO}/release_floor/", "Stop presenting", ""),
    ("post", f"{WHO}/calls/", "A call of one's browser", "NewCall"),
    ("post", f"{CALL}/ack/", "Without effect: media flows as soon as it can", ""),
    ("post", f"{CALL}/new_candidate/", "Where else the browser can be reached", "NewCandidate"),
    ("post", f"{CALL}/update/", "Another offer for the same call", "NewOffer"),
    ("post", f"{CALL}/disconnect/", "End the call", ""),
    ("post", f"{WHO}/{{what}}/", f"Without effect: {', '.join(WITHOUT_EFFECT)}", ""),
)

STREAMS: tuple[tuple[str, str, str], ...] = (
    (f"{ONE}/events/", "The conference as it changes", "text/event-stream"),
    (f"{ONE}/presentation.jpeg", "What is presented now, small", "image/jpeg"),
    (f"{ONE}/presentation_high.jpeg", "What is presented now, as it is sent", "image/jpeg"),
    (f"{ONE}/preview.jpeg", "What the conference shows now, small", "image/jpeg"),
)
"""What may be asked for with `?token=`."""
