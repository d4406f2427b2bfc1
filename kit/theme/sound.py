"""Prompts: WAV of 48 kHz, mono, 16 bits, as themes have them."""

import io
import wave

RATE = 48_000
CHANNELS = 1
WIDTH = 2
"""Bytes of a sample."""

LONGEST = 60
"""Seconds."""


class UnfitSound(Exception):
    """Says why, in words that follow the file's name."""


def samples(prompt: bytes) -> bytes:
    """Little-endian, 16 bits each. Raises UnfitSound."""
    try:
        with wave.open(io.BytesIO(prompt)) as opened:
            form = opened.getnchannels(), opened.getframerate(), opened.getsampwidth()
            if form != (CHANNELS, RATE, WIDTH):
                raise UnfitSound("is not of 48 kHz, mono, 16 bits")
            if opened.getnframes() > LONGEST * RATE:
                raise UnfitSound(f"is longer than {LONGEST} seconds")
            found: bytes = opened.readframes(LONGEST * RATE)
    except (wave.Error, EOFError, OSError, ValueError, RuntimeError, MemoryError) as exc:
        raise UnfitSound("is not a WAV file of plain samples") from exc
    if not found or len(found) % WIDTH:
        raise UnfitSound("is a WAV file without sound, or a damaged one")
    return found
