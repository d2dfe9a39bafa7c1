"""What each stage of the preparation does to a clip."""

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib.cbook
import msgspec
import numpy as np
import pytest
import soundfile

from device_agent.engine import canonical
from device_agent.engine.features import SAMPLE_RATE
from device_agent.engine.photo.aligned import aligned_crop
from model_pipeline.bench.music import chords
from model_pipeline.prepare.clip import Clip, read_clip, to_int16, write_clip
from model_pipeline.prepare.faces import canonical_points
from model_pipeline.prepare.layout68 import LAYOUT, mirror_of, points68
from model_pipeline.prepare.media import upright
from model_pipeline.prepare.outcome import Outcome, Why
from model_pipeline.prepare.progress import silent
from model_pipeline.prepare.stages import dejitter, half, occlude, pose, speech, yellow
from model_pipeline.prepare.stages.align import AlignSettings, aligned68, in_photo
from model_pipeline.prepare.stages.music import MusicSettings, music, si_sdr, without_music
from tests.support.recordings import SIDE, posed

READER = Path("/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav")
MIRRORED_68 = [
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
    39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip
"""Which of the 68 points lies on the other side."""


def clip_of(landmarks: np.ndarray, *, photos: int = 0, sound: np.ndarray | None = None, name: str = "clip") -> Clip:
    """A clip of known landmarks [T,478,3], grey photos, and silence unless ``sound`` is given."""
    frames = len(landmarks)
    points = np.tile(posed(scale=256 / 200, centre=(128.0, 83.0))[None, :, :2], (photos, 1, 1))
    return Clip(
        id=name, speaker="ann", source="ann/a.mp4", start=0.0, size=SIDE, pts=np.arange(frames) / 25,
        landmarks=landmarks.astype(np.float32), ok=np.ones(frames, dtype=bool),
        audio=to_int16(np.zeros(frames * 640) if sound is None else sound), points68=aligned68(landmarks)[0],
        photos=np.full((photos, 256, 256, 3), 150, dtype=np.uint8),
        photo_pts=np.linspace(0, frames / 25, photos, endpoint=False), photo_points=points,
        rest=np.tile(np.float32([2.0, 50.0]), (photos, 1)), treatment=np.array(["plain"] * photos, dtype="<U32"),
    )  # fmt: skip


def stored(clip: Clip, folder: Path) -> Path:
    """The clip as a folder."""
    write_clip(folder / clip.id, clip)
    return folder / clip.id


def still(yaw: float = 0.0, frames: int = 30) -> np.ndarray:
    return np.tile(posed(yaw)[None], (frames, 1, 1))


# 68 points


def test_the_68_points_are_laid_out_as_the_layout_says():
    points = points68(canonical_points())
    assert len(set(LAYOUT)) == 68
    assert [LAYOUT.index(i) for i in mirror_of(canonical_points())[list(LAYOUT)]] == MIRRORED_68
    assert (np.diff(points[:17, 0]) > 0).all(), "the jaw runs from the person's right to the left"
    assert points[17:27, 1].max() < points[36:48, 1].min() < points[30, 1] < points[48:68, 1].min() < points[8, 1]


@pytest.mark.shared_data
def test_the_mirror_is_that_of_the_head_model(shared_data):
    with np.load(shared_data / "ict_facekit.npz") as packed:
        assert (mirror_of(canonical_points()) == packed["mediapipe_mirror"]).all()


def test_alignment_undoes_place_size_and_turn_and_tells_a_face_from_none():
    laid, misfit = aligned68(np.stack([posed(25.0), posed(scale=3.0, centre=(900.0, 20.0))]))
    assert np.allclose(laid, points68(canonical_points())[None, :, :2], atol=0.01)
    assert misfit.max() < 0.01
    scattered = np.random.default_rng(0).normal(size=(1, 478, 3)) * 60
    assert aligned68(scattered)[1][0] > AlignSettings().worst_mm


def test_landmarks_fall_on_the_same_places_of_the_photo():
    landmarks = posed().astype(np.float64)
    picture = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    nose = landmarks[4, :2]
    cv2.circle(picture, (round(nose[0]), round(nose[1])), 5, (255, 255, 255), -1)
    turned = canonical.align(canonical_points(), landmarks)
    seen = aligned_crop(picture, turned)[0, 0]
    rows, columns = np.nonzero(seen > 0.5)
    assert np.allclose([columns.mean(), rows.mean()], in_photo(landmarks, turned)[4], atol=1.5)


def test_a_telephones_lying_picture_is_set_upright():
    picture = np.zeros((2, 3, 3), dtype=np.uint8)
    picture[0, 2] = 255
    assert upright(picture, 90).shape == (3, 2, 3) and upright(picture, 90)[0, 0, 0] == 255
    assert (upright(picture, 0) == picture).all() and upright(picture, -180)[1, 0, 0] == 255


# de-jitter


@pytest.fixture(scope="module")
def filmed() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Where 478 points of a swaying, nodding portrait truly are, where a detector sees them, and the film."""
    path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    photo = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    dice = np.random.default_rng(0)
    places = np.stack([dice.uniform(180, 340, 478), dice.uniform(80, 300, 478)], axis=1)
    places[[canonical.RIGHT_IRIS, canonical.LEFT_IRIS]] = [[216, 190], [300, 190]]
    true, film = [], []
    for t in range(36):
        angle = 0.03 * np.sin(t / 5)
        shift = np.array([4 * np.sin(t / 6), 3 * np.sin(2 * np.pi * 5 * t / 25)])
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        offset = np.array([256, 200]) - matrix @ np.array([256, 200]) + shift
        film.append(
            cv2.warpAffine(photo, np.column_stack([matrix, offset]), photo.shape[::-1], flags=cv2.INTER_CUBIC)
        )
        true.append(places @ matrix.T + offset)
    truth = np.concatenate([np.stack(true), np.zeros((36, 478, 1))], axis=2)
    seen = truth + dice.normal(size=truth.shape) * [0.5, 0.5, 0.0]
    return truth, seen.astype(np.float32), film


def steady_path(seen: np.ndarray, film: list[np.ndarray]) -> np.ndarray:
    return dejitter.steadied(seen, dejitter.watched(seen, film, dejitter.DejitterSettings(), silent))


def test_landmarks_held_by_flow_tremble_less_than_half_as_much_and_stay_true(filmed):
    truth, seen, film = filmed
    steady = steady_path(seen, film)
    wrong = [np.sqrt(np.square(points - truth)[..., :2].mean()) for points in (seen, steady)]
    assert wrong[1] < wrong[0] / 2
    shake = [np.square(np.diff(points - truth, 2, axis=0)).mean() for points in (seen, steady)]
    assert shake[1] < shake[0] / 8


def test_fast_motion_neither_lags_nor_shrinks(filmed):
    truth, seen, film = filmed
    steady = steady_path(seen, film)
    nod, true_nod = (points[:, :468, 1].mean(axis=1) - points[:, :468, 1].mean() for points in (steady, truth))
    assert nod.std() / true_nod.std() == pytest.approx(1.0, abs=0.03)
    assert np.abs(nod - true_nod).max() < 0.2


def test_where_the_flow_is_lost_the_detector_alone_counts(filmed):
    _, seen, film = filmed
    noise = [np.random.default_rng(t).integers(0, 256, film[0].shape, dtype=np.uint8) for t in range(len(film))]
    steady = steady_path(seen, noise)
    assert np.median(np.abs(steady - seen)) < 0.02


# music


@pytest.fixture(scope="module")
def reader() -> np.ndarray:
    return soundfile.read(READER, dtype="float32")[0]


def test_held_chords_as_loud_as_the_voice_are_taken_out(reader):
    level = float(np.sqrt(np.square(reader).mean()))
    mix = reader + level * chords(len(reader))
    cleaned, share = without_music(mix, MusicSettings())
    assert share > MusicSettings().present_share
    assert si_sdr(cleaned, reader) > si_sdr(mix, reader) + 4.0


@pytest.mark.parametrize("noise", [0.0, 0.3], ids=["clean", "in noise"])
def test_a_voice_without_music_passes_untouched(noise, reader, tmp_path):
    hiss = np.random.default_rng(0).normal(size=len(reader)) * noise * reader.std()
    clip = clip_of(still(frames=len(reader) // 640), sound=reader + hiss)
    outcome = music(stored(clip, tmp_path), tmp_path / "out", MusicSettings(), silent)
    assert outcome.figures["clips_with_music"] == 0.0
    assert (read_clip(tmp_path / "out" / clip.id).audio == clip.audio).all()


# voice activity


def test_a_clip_is_cut_to_where_somebody_speaks(reader, tmp_path):
    pause = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)
    sound = np.concatenate([pause, reader, pause])
    clip = clip_of(still(frames=len(sound) // 640), sound=sound, photos=4)
    outcome = speech.speech(
        stored(clip, tmp_path), tmp_path / "out", speech.listener(), speech.SpeechSettings(), silent
    )
    (name,) = outcome.kept
    piece = read_clip(tmp_path / "out" / name)
    assert piece.start == pytest.approx(3.0, abs=0.5) and piece.seconds == pytest.approx(
        len(reader) / SAMPLE_RATE, abs=1
    )
    assert len(piece.pts) == len(piece.landmarks) == pytest.approx(piece.seconds * 25, abs=1) and piece.pts[0] == 0.0
    assert (piece.photo_pts >= 0).all() and (piece.photo_pts <= piece.seconds).all()
    assert [item.why for item in outcome.set_aside] == [Why.SILENCE]
    assert outcome.set_aside[0].seconds == pytest.approx(clip.seconds - piece.seconds, abs=0.01)


def test_a_word_too_short_to_learn_from_is_set_aside_and_can_be_written_down(tmp_path):
    clip = clip_of(still(frames=100))
    heard = np.zeros(125, dtype=bool)
    heard[60:65] = True
    outcome = speech.speech(
        stored(clip, tmp_path), tmp_path / "out", lambda _: heard, speech.SpeechSettings(), silent
    )
    assert {item.why: round(item.seconds, 2) for item in outcome.set_aside} == {
        Why.TOO_SHORT: 0.76,
        Why.SILENCE: 3.24,
    }
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome


def test_short_pauses_stay_and_long_ones_divide():
    heard = np.zeros(200, dtype=bool)
    heard[10:60] = heard[70:100] = heard[150:180] = True
    settings = speech.SpeechSettings()
    found = speech.stretches(heard, 6.4, settings)
    assert [(round(b, 2), round(e, 2)) for b, e in found] == [(0.02, 3.5), (4.5, 6.06)]
    assert speech.stretches(np.zeros(50, dtype=bool), 1.6, settings) == []


# pose


@pytest.mark.parametrize(("yaw", "clips"), [(10.0, 1), (-28.0, 1), (33.0, 2), (-45.0, 2), (70.0, 0)])
def test_heads_turned_beyond_30_degrees_are_mirrored_and_beyond_60_set_aside(yaw, clips, tmp_path):
    outcome = pose.pose(stored(clip_of(still(yaw)), tmp_path), tmp_path / "out", pose.PoseSettings(), silent)
    assert len(outcome.kept) == clips
    assert outcome.figures["yaw_degrees"] == pytest.approx(abs(yaw), abs=0.5)
    if not clips:
        assert [item.why for item in outcome.set_aside] == [Why.TURNED_AWAY]


def test_a_mirrored_copy_looks_the_other_way_and_sounds_the_same():
    clip = clip_of(still(40.0), photos=2, sound=np.linspace(-0.5, 0.5, 30 * 640))
    copy = pose.mirrored(clip)
    assert pose.yaws(copy.landmarks)[0] == pytest.approx(-pose.yaws(clip.landmarks)[0], abs=0.1)
    assert (copy.audio == clip.audio).all() and copy.speaker != clip.speaker
    assert np.allclose(canonical.opening(copy.landmarks), canonical.opening(clip.landmarks), atol=1e-3)
    again = pose.mirrored(copy)
    assert np.allclose(again.landmarks, clip.landmarks, atol=1e-3) and (again.photos == clip.photos).all()


# photos


def test_a_fifth_of_the_face_is_hidden_in_a_copy_of_each_photo(tmp_path):
    clip = clip_of(still(), photos=6)
    outcome = occlude.occlude(stored(clip, tmp_path), tmp_path / "out", occlude.OccludeSettings(), silent)
    copy = read_clip(tmp_path / "out" / clip.id)
    assert outcome.figures["hidden_share"] == pytest.approx(0.2, abs=0.01)
    assert (copy.photos[:6] == clip.photos).all() and len(copy.photos) == len(copy.rest) == 12
    face = occlude.face_mask(clip.photo_points[0], 256)
    for photo in copy.photos[6:]:
        assert ((photo != 150).any(axis=2) & face).sum() / face.sum() == pytest.approx(0.2, abs=0.01)
    assert list(copy.treatment) == ["plain"] * 6 + ["plain+occluded"] * 6


def test_three_quarters_of_the_photos_turn_yellow_and_none_blue(tmp_path):
    clip = clip_of(still(), photos=100)
    outcome = yellow.yellow(stored(clip, tmp_path), tmp_path / "out", yellow.YellowSettings(), silent)
    assert outcome.figures["yellowed_share"] == pytest.approx(0.75, abs=0.1)
    red, green, blue = read_clip(tmp_path / "out" / clip.id).photos.mean(axis=(1, 2)).T
    aged = red != blue
    assert aged.mean() == pytest.approx(0.75, abs=0.1)
    assert (red[aged] > green[aged]).all() and (green[aged] > blue[aged]).all()


def test_fifteen_in_a_hundred_photos_show_half_a_face(tmp_path):
    clip = clip_of(still(), photos=100)
    half.half(stored(clip, tmp_path), tmp_path / "out", half.HalfSettings(), silent)
    copy = read_clip(tmp_path / "out" / clip.id)
    face = occlude.face_mask(clip.photo_points[0], 256)
    hidden = np.array([((photo != 150).any(axis=2) & face).sum() / face.sum() for photo in copy.photos])
    assert (hidden > 0).sum() in {15, 16}
    assert hidden[hidden > 0] == pytest.approx(np.full((hidden > 0).sum(), 0.5), abs=0.06)
    assert (np.char.find(copy.treatment, half.TREATED) >= 0).sum() == (hidden > 0).sum()


@pytest.mark.parametrize("stage", ["occlude", "yellow", "half"])
def test_chance_repeats_for_a_clip_and_differs_between_clips(stage, tmp_path):
    module = {"occlude": occlude, "yellow": yellow, "half": half}[stage]
    settings = {"occlude": occlude.OccludeSettings, "yellow": yellow.YellowSettings, "half": half.HalfSettings}[
        stage
    ]()
    made = []
    for number, name in enumerate(("one", "one", "two")):
        clip = replace(clip_of(still(), photos=20), id=name)
        folder = tmp_path / str(number)
        getattr(module, stage)(stored(clip, folder), folder / "out", settings, silent)
        made.append(read_clip(folder / "out" / name).photos)
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).any()
