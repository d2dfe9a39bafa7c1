"""Phones with times by PocketSphinx 5 (BSD; the English model comes in the wheel). The only file that imports it.

Phone recognition errs: about one phone in three is wrong. So two decodings are made, one by phones alone and
one by words, and a phone counts as sure only where both name the same visible class (`phones.confirmed`). Where the
words are known, a forced alignment replaces both.
"""

from pathlib import Path

import numpy as np
import pocketsphinx

from model_pipeline.errors import FixError
from model_pipeline.fix.phones import Phone, class_agreement, confirmed

FRAMES_PER_SECOND = 100
SAMPLE_RATE = 16_000

PHONE_MODEL_WEIGHT = 2.0
"""Weight of the phone statistics against the sound: of 1, 2, 3, 5 and 8 the one that finds most bilabials."""

PHONE_BEAM = 1e-20
"""Width of the search; a wider one (1e-40) changes nothing."""

TRUST_WORDS_FROM = 0.5
"""Below this agreement of the two decodings the words are another language or noise, and phones alone lead."""


def phones_of(samples: np.ndarray, transcript: str | None = None) -> list[Phone]:
    """Return the phones of a 16 kHz mono recording (float, -1..1), with times.

    With ``transcript`` they are aligned to the words given, and all are sure.
    """
    sound = _pcm(samples)
    if transcript:
        return _aligned(sound, _plain_words(transcript))
    by_phone = _by_phones(sound)
    by_word = _by_words(sound)
    if by_word and class_agreement(by_word, by_phone) >= TRUST_WORDS_FROM:
        return confirmed(by_word, by_phone)
    return confirmed(by_phone, by_word) if by_word else by_phone


def _pcm(samples: np.ndarray) -> bytes:
    return (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()


def _plain_words(transcript: str) -> str:
    kept = "".join(letter if letter.isalpha() or letter == "'" else " " for letter in transcript.lower())
    return " ".join(kept.split())


def _decode(decoder: pocketsphinx.Decoder, sound: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


def _by_phones(sound: bytes) -> list[Phone]:
    model = Path(pocketsphinx.get_model_path("en-us"))
    decoder = pocketsphinx.Decoder(
        hmm=str(model / "en-us"),
        allphone=str(model / "en-us-phone.lm.bin"),
        lw=PHONE_MODEL_WEIGHT,
        beam=PHONE_BEAM,
        pbeam=PHONE_BEAM,
        loglevel="FATAL",
    )
    _decode(decoder, sound)
    segments = decoder.seg() or ()
    return [_phone(item.word, item.start_frame, item.end_frame + 1) for item in segments]


def _by_words(sound: bytes) -> list[Phone]:
    decoder = pocketsphinx.Decoder(loglevel="FATAL")
    _decode(decoder, sound)
    heard = decoder.hyp()
    if heard is None or not heard.hypstr.strip():
        return []
    try:
        return _aligned(sound, heard.hypstr)
    except FixError:
        return []


def _aligned(sound: bytes, words: str) -> list[Phone]:
    decoder = pocketsphinx.Decoder(loglevel="FATAL")
    unknown = [word for word in words.split() if decoder.lookup_word(word) is None]
    if unknown or not words:
        raise FixError(
            f"Expected English words of the dictionary, got {unknown or 'nothing'}; leave the transcript out, "
            "and the sounds are recognised without it."
        )
    try:
        decoder.set_align_text(words)
        _decode(decoder, sound)
        decoder.set_alignment()
        _decode(decoder, sound)
        found = decoder.get_alignment()
    except RuntimeError as error:
        raise FixError(f"The words do not fit the recording ({error}); leave the transcript out.") from error
    if found is None:
        raise FixError("The words do not fit the recording; leave the transcript out.")
    return [_phone(item.name, item.start, item.start + item.duration) for word in found for item in word]


def _phone(label: str, first: int, stop: int) -> Phone:
    return Phone(label, first / FRAMES_PER_SECOND, stop / FRAMES_PER_SECOND)
