"""What is heard in a mix, and what follows from it: who is on the stage. For the mix's thread."""

from collections.abc import Callable, Mapping, Set

from proto.views import ConferenceView
from services.mixer.core import stage
from services.mixer.core.scene import SourceId, seen
from services.mixer.core.telling import Telling, tell
from services.mixer.media.limiter import Line
from services.mixer.media.sound import Mixed, SoundMixer
from services.mixer.media.source import Source
from services.mixer.media.voice import BLOCK, RATE, Voice

BLOCK_SECONDS = BLOCK / RATE

OnStage = Callable[[Telling], None]

Sources = Mapping[SourceId, Source]


class Hearing:
    def __init__(self, on_stage: OnStage) -> None:
        """`on_stage` hears what others are to be told."""
        self._on_stage = on_stage
        self._mixer = SoundMixer()
        self._sources: Sources = {}
        self._stage = stage.Stage()
        self._recorded: tuple[str, ...] | None = None
        self._telling = Telling()
        self._now = 0.0

    @property
    def order(self) -> tuple[str, ...]:
        """Who is on the stage, as it was told last, by us or by a recording."""
        return self._telling.order if self._recorded is None else self._recorded

    def direct(
        self, view: ConferenceView, sources: Sources, recorded: tuple[str, ...] | None
    ) -> None:
        """The conference is like this now; in a replay the stage is told, not heard."""
        self._sources, self._recorded = sources, recorded
        people = seen(view)
        muted = frozenset(person.participant for person in view.participants if person.is_muted)
        lit = [(p.spotlight, p.participant) for p in people if p.spotlight is not None]
        self._stage = stage.present(
            self._stage,
            [person.participant for person in people],
            spotlit=[who for _, who in sorted(lit, key=lambda one: one[0])],
            muted=muted,
        )
        voices: dict[str, list[Voice]] = {}
        heard = []
        for source_id, source in sources.items():
            who = source_id.participant
            voices.setdefault(who, []).append(source.voice)
            # A presentation is heard only while it is shown.
            if who not in muted and (source_id.content == "main" or who == view.presenter):
                heard.append(source.voice)
        self._mixer.direct([source.voice for source in sources.values()], heard, voices)
        self._tell()

    def announce(self, prompt: Line) -> None:
        """Play this to those who take part; for any thread."""
        self._mixer.announcer.add(prompt)

    def mix(self, block: int, listeners: Set[str]) -> Mixed:
        """Take block number `block`; returns the one before it."""
        mixed = self._mixer.mix(block * BLOCK, listeners)
        self._now = (block + 1) * BLOCK_SECONDS
        if mixed.news:
            voices = {}
            for source_id, source in self._sources.items():
                heard = self._mixer.heard(source.voice) if source_id.content == "main" else None
                if heard is not None:
                    voices[source_id.participant] = heard
            self._stage = stage.hear(self._stage, voices, self._now)
            self._tell()
        return mixed

    def _tell(self) -> None:
        """Report who is heard, if that has changed; what was recorded is known already."""
        if self._recorded is not None:
            return
        telling = tell(self._telling, self._stage, self._now)
        if telling is not self._telling:
            self._telling = telling
            self._on_stage(telling)
