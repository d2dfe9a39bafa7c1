"""The whole preparation: it goes on after a kill, does nothing twice, and says why it leaves something out."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.cli import main
from model_pipeline.data import espeak
from model_pipeline.data.tracks import load_tracks
from model_pipeline.errors import DataMissing
from model_pipeline.prepare.collect import collect
from model_pipeline.prepare.outcome import ADVICE, Why
from model_pipeline.prepare.pipeline import Settings
from model_pipeline.prepare.prepare import prepare
from model_pipeline.prepare.report import Report
from model_pipeline.prepare.runner import Unit, hashes
from model_pipeline.prepare.stages.half import HalfSettings
from tests.support.recordings import CROWD, NOBODY, PERSON, ScriptedFinder, write_video

FRAMES = 70
DIE_AFTER = "DIE_AFTER"


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    spoken = espeak.say("My mother bought a blue map in May.", "en-us").audio
    return (
        np.resize(spoken, FRAMES * 640)
        if len(spoken) > FRAMES * 640
        else np.pad(spoken, (0, FRAMES * 640 - len(spoken)))
    )


@pytest.fixture(scope="module")
def videos(voice: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers, one of them with two recordings, and one recording of every trouble."""
    folder = tmp_path_factory.mktemp("videos")
    silence = np.zeros_like(voice)
    write_video(folder / "ann" / "a.mkv", [PERSON] * FRAMES, voice)
    write_video(folder / "ann" / "b.mkv", [PERSON] * 40 + [NOBODY] * 30, voice)
    write_video(folder / "bob.mkv", [PERSON] * FRAMES, voice)
    write_video(folder / "crowd.mkv", [CROWD] * 30, voice)
    write_video(folder / "mute.mkv", [PERSON] * 30, None)
    write_video(folder / "nobody.mkv", [NOBODY] * 30, voice)
    write_video(folder / "silent.mkv", [PERSON] * 30, silence)
    write_video(folder / "three-hours.mkv", [PERSON] * 2, voice, seconds=[0.0, 3 * 3600.0])
    (folder / "broken.mp4").write_bytes(b"not a video" * 100)
    return folder


def run(videos: Path, out: Path, settings: Settings | None = None) -> Report:
    """Prepare with the scripted finder; die after so many inputs where the environment says so."""
    left = int(os.environ.get(DIE_AFTER, "1000000"))

    def begin(name, count):
        def tick(done):
            nonlocal left
            left -= float(done).is_integer()
            if left < 0:
                os._exit(9)

        return tick

    return prepare(videos, out, begin, settings, finder=ScriptedFinder())


@pytest.fixture(scope="module")
def prepared(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    out = tmp_path_factory.mktemp("prepared")
    return out, run(videos, out)


@pytest.mark.parametrize(
    ("recording", "why"),
    [
        ("three-hours.mkv", Why.TOO_LONG),
        ("nobody.mkv", Why.NO_FACE),
        ("crowd.mkv", Why.SEVERAL_FACES),
        ("mute.mkv", Why.NO_SOUND),
        ("silent.mkv", Why.SILENCE),
        ("broken.mp4", Why.UNREADABLE),
        ("ann/b.mkv", Why.NO_FACE),
    ],
)
def test_what_is_set_aside_has_a_reason_and_an_advice(recording, why, prepared):
    entries = [entry for entry in prepared[1].quarantine() if entry["recording"] == recording]
    assert why.value in {entry["why"] for entry in entries}
    assert all(entry["what_to_do"] for entry in entries)


def test_every_reason_has_an_advice():
    assert set(ADVICE) == set(Why)


def test_what_is_kept_can_be_trained_on(prepared):
    out, report = prepared
    tracks = load_tracks(out)
    assert {track.speaker for track in tracks} == {"ann", "bob"} == set(report.speakers)
    for track in tracks:
        assert len(track.points) == pytest.approx(track.audio.size / 640, abs=1)
    with np.load(out / "photos.npz") as photos:
        assert photos["pixels"].shape == (report.photos, 256, 256, 3) and len(photos["rest"]) == report.photos
    assert (out / "sheet.png").stat().st_size > 1000


def test_hours_of_recordings_give_no_more_photos_than_fit_into_memory(prepared, tmp_path):
    out, report = prepared
    clips = [Unit(folder.name, folder, "") for folder in sorted((out / "stages" / "08-half").glob("*/*/"))]
    seconds, photos = collect(clips, tmp_path, most_photos=report.photos - 1)
    assert seconds == report.speakers and 0 < photos < report.photos


def test_no_second_is_lost_between_the_stages(prepared):
    report = json.loads((prepared[0] / "report.json").read_text(encoding="utf-8"))
    assert report["recordings"] == 9
    for stage in report["stages"][1:]:
        aside = sum(entry["seconds"] for entry in report["set_aside"] if entry["stage"] == stage["name"])
        assert stage["seconds_out"] == pytest.approx(stage["seconds_in"] - aside, abs=0.1)
    assert report["seconds_to_train_on"] == pytest.approx(report["stages"][-1]["seconds_out"], abs=0.1)


def test_a_second_run_does_nothing(videos, prepared):
    out, first = prepared
    before = {path: path.stat().st_mtime_ns for path in (out / "stages").rglob("*") if path.is_file()}
    second = run(videos, out)
    assert second.fresh == 0 and second.as_json() == first.as_json()
    assert before == {path: path.stat().st_mtime_ns for path in (out / "stages").rglob("*") if path.is_file()}


def test_a_damaged_file_is_made_again_and_nothing_else(videos, prepared):
    out, _ = prepared
    before = hashes(out)
    damaged = next((out / "stages" / "03-music").rglob("clip.npz"))
    data = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(data[:-100])
    assert run(videos, out).fresh == 1
    assert hashes(out) == before


def test_other_settings_make_their_stage_again_and_none_before(videos, prepared, tmp_path):
    out, first = prepared
    other = run(videos, out, replace(Settings(), half=HalfSettings(share=0.5)))
    assert [stage.made_now for stage in other.stages] == [0] * 8 + [other.stages[-1].inputs]
    assert run(videos, out).as_json() == first.as_json()


@pytest.mark.parametrize("inputs", [4, 15])
def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(inputs, videos, prepared, tmp_path):
    code = (
        "import pathlib, importlib.util as u;"
        f"s=u.spec_from_file_location('t', {__file__!r}); m=u.module_from_spec(s); s.loader.exec_module(m);"
        f"m.run(pathlib.Path({str(videos)!r}), pathlib.Path({str(tmp_path)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), DIE_AFTER: str(inputs)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 9
    report = run(videos, tmp_path)
    assert 0 < report.fresh < sum(stage.inputs for stage in report.stages)
    assert hashes(tmp_path) == hashes(prepared[0])


def test_a_recording_that_went_away_takes_its_clips_along(voice, tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("one", "two"):
        write_video(tmp_path / "videos" / f"{name}.mkv", [PERSON] * FRAMES, voice)
    assert set(run(tmp_path / "videos", tmp_path / "out").speakers) == {"one", "two"}
    (tmp_path / "videos" / "two.mkv").unlink()
    assert set(run(tmp_path / "videos", tmp_path / "out").speakers) == {"one"}
    assert {track.speaker for track in load_tracks(tmp_path / "out")} == {"one"}


def test_a_long_recording_is_worked_on_a_minute_at_a_time(voice, tmp_path):
    long = write_video(
        tmp_path / "videos" / "talk.mkv",
        [PERSON] * 130,
        np.zeros(65 * SAMPLE_RATE),
        seconds=[i / 2 for i in range(130)],
    )
    report = run(long.parent, tmp_path / "out")
    assert report.stages[0].inputs == 2 and report.stages[0].seconds_in == pytest.approx(65, abs=1)


def test_a_folder_without_videos_is_refused_with_what_is_expected(tmp_path):
    with pytest.raises(DataMissing, match=r"holds no video \(.*\.mp4"):
        run(tmp_path, tmp_path / "out")


def test_the_command_says_when_nothing_is_left(tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"nothing")
    out, figures = tmp_path / "out", tmp_path / "report-copy.json"
    code = main(["prepare", "--videos", str(tmp_path / "videos"), "--out", str(out), "--json", str(figures)])
    said = capsys.readouterr()
    assert code == DataMissing.exit_code and "report.json says why" in said.err
    assert "broken.mp4" in said.out and "convert it to MP4" in " ".join(said.out.split())
    assert json.loads(figures.read_text(encoding="utf-8"))["set_aside"][0]["why"] == "unreadable"
