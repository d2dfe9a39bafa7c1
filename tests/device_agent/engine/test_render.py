"""From the command line to the file: what a person gets, and what the fleet is told."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from device_agent import provenance
from device_agent.cli import main
from device_agent.engine import features
from device_agent.engine.loaded import Engine
from device_agent.engine.mark import make_mark
from device_agent.engine.photo.load import load_photo
from device_agent.engine.render import Options, Rendered, render
from device_agent.engine.selftest import run_self_test
from device_agent.engine.voice import load_voice
from device_agent.errors import ModelError
from frame_protocol.telemetry import Fill
from tests.device_agent.engine.conftest import change_manifest
from tests.device_agent.engine.test_voice import write_wav

SMALL = Options(width=640, height=360, seconds=5.0, preset="ultrafast", liveliness=0.0)


@pytest.fixture(scope="module")
def rendered(
    engine: Engine, hopper: Path, speech: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Rendered]:
    out = tmp_path_factory.mktemp("render") / "talking.mp4"
    return out, render(engine, hopper, speech, out, options=SMALL)


def brightness(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(int)


def test_a_video_of_the_asked_length_and_size_comes_out(rendered: tuple[Path, Rendered]) -> None:
    out, made = rendered
    assert brightness(out).shape == (125, 360, 640)
    assert made.event.frames == 125
    assert made.event.video_seconds == 5.0
    assert made.event.voice_seconds == pytest.approx(2.99, abs=0.01)
    assert made.event.first_frame_ms > 0
    assert made.event.peak_memory_mb > 100


def test_the_mouth_moves_while_somebody_speaks_and_rests_afterwards(rendered: tuple[Path, Rendered]) -> None:
    out, made = rendered
    steps = np.abs(np.diff(brightness(out), axis=0)).max(axis=(1, 2))
    assert (steps[10:70] > 20).mean() > 0.5
    assert steps[-30:].max() < 12
    assert max(made.trace.opening_mm) > 4
    assert len(made.trace.tokens) == len(made.trace.gate) == 75


def test_the_picture_moves_with_the_sound_and_neither_before_nor_after(
    engine: Engine, hopper: Path, speech: Path, rendered: tuple[Path, Rendered]
) -> None:
    """The toy mouth follows loudness: the darkness between the lips matches it best without any delay."""
    frames = brightness(rendered[0])[:75]
    portrait = engine.reader.read(load_photo(hopper), 640, 360)
    x, y = portrait.lips.centre.astype(int)
    reach = int(8 * portrait.px_per_mm)
    darkness = 255 - frames[:, y : y + reach, x - reach : x + reach].mean(axis=(1, 2))
    mel = features.log_mel(load_voice(speech).samples)
    loudness = np.clip((mel.mean(axis=0).reshape(-1, 4).mean(axis=1)[:75] + 0.6) * 0.7, 0, 1)
    matches = {
        lag: np.corrcoef(darkness[5 + lag : 70 + lag], loudness[5:70])[0, 1] for lag in (-3, -2, -1, 0, 1, 2, 3)
    }
    assert max(matches, key=lambda lag: matches[lag]) == 0
    assert matches[0] > 0.7


def test_at_rest_the_picture_is_the_photo(engine: Engine, hopper: Path, rendered: tuple[Path, Rendered]) -> None:
    still = engine.reader.read(load_photo(hopper), 640, 360).yuv[..., 0].astype(int)
    last = (brightness(rendered[0])[-1] * 219 / 255 + 16)[:, 250:390]
    assert np.abs(last - still[:, 250:390]).mean() < 4


def test_the_file_says_that_it_is_ai_generated_and_how(rendered: tuple[Path, Rendered]) -> None:
    out, made = rendered
    with av.open(str(out)) as container:
        tags = dict(container.metadata)
    assert "AI-generated" in tags["description"]
    origin = provenance.from_metadata(tags)
    assert origin == provenance.Provenance(made.event.model_id, made.event.video_id, Fill.IDLE)


def test_a_visible_mark_can_be_switched_on(
    engine: Engine, hopper: Path, speech: Path, rendered: tuple[Path, Rendered], tmp_path: Path
) -> None:
    options = Options(width=640, height=360, seconds=1.0, preset="ultrafast", liveliness=1.0, mark=True)
    render(engine, hopper, speech, tmp_path / "marked.mp4", options=options)
    corner = (slice(330, 352), slice(590, 632))
    marked, plain = brightness(tmp_path / "marked.mp4")[(..., *corner)], brightness(rendered[0])[(0, *corner)]
    assert marked.max() - marked.min() > 120 > np.ptp(plain)
    assert np.abs(np.diff(marked, axis=0)).max() < 40


@pytest.mark.parametrize("size", [(240, 240), (1920, 1080), (1080, 1920)])
def test_the_mark_lies_inside_the_frame_on_whole_colour_pixels(size: tuple[int, int]) -> None:
    mark = make_mark(*size)
    rows, columns = mark.plate.shape
    assert all(number % 2 == 0 for number in (mark.left, mark.top, rows, columns))
    assert mark.left + columns < size[0]
    assert mark.top + rows < size[1]
    assert rows / min(size) < 0.07


def test_repeat_keeps_the_mouth_moving(engine: Engine, hopper: Path, speech: Path, tmp_path: Path) -> None:
    options = Options(width=640, height=360, seconds=7.0, preset="ultrafast", fill=Fill.REPEAT, liveliness=0.0)
    made = render(engine, hopper, speech, tmp_path / "v.mp4", options=options)
    assert len(made.trace.opening_mm) == pytest.approx((2 * 2.99 + 0.6) * 25, abs=1)
    assert max(made.trace.opening_mm[95:]) > 4
    assert made.event.fill is Fill.REPEAT


def command(toy_package: Path, out: Path, *more: str, photo: Path, voice: Path) -> int:
    basic = ["render", "--photo", str(photo), "--voice", str(voice), "--out", str(out), "--model", str(toy_package)]
    return main([*basic, "--size", "640x360", "--duration", "1", "--preset", "ultrafast", *more])


def test_the_command_prints_its_figures_as_json(
    toy_package: Path, hopper: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    motion = tmp_path / "motion.json"
    assert (
        command(toy_package, tmp_path / "v.mp4", "--json", "--motion-json", str(motion), photo=hopper, voice=speech)
        == 0
    )
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] == 25
    assert figures["model_id"].startswith("toy-")
    assert {"first_frame_ms", "fps", "peak_memory_mb", "stage_seconds", "voice_seconds", "warnings"} <= set(figures)
    assert len(figures["face_boxes"]) == figures["faces"] == 1
    assert {"photo", "voice", "model", "warp", "encode"} <= set(figures["stage_seconds"])
    assert len(json.loads(motion.read_text())["opening_mm"]) == 25


@pytest.mark.parametrize(
    "case",
    [("absent.jpg", "", 10), ("noise.png", "", 11), ("", "absent.wav", 12), ("", "silence.wav", 13)],
)
def test_what_cannot_be_used_has_its_exit_code_and_leaves_no_file(
    toy_package: Path, hopper: Path, speech: Path, tmp_path: Path, case: tuple[str, str, int]
) -> None:
    photo, voice, code = case
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (300, 300, 3), dtype=np.uint8)).save(
        tmp_path / "noise.png"
    )
    write_wav(tmp_path / "silence.wav", np.zeros(32000))
    out = tmp_path / "out"
    out.mkdir()
    given = {
        "photo": tmp_path / photo if photo else hopper,
        "voice": tmp_path / voice if voice else speech,
    }
    assert command(toy_package, out / "v.mp4", **given) == code
    assert not list(out.iterdir())


def test_without_a_model_the_exit_code_says_so(hopper: Path, speech: Path, tmp_path: Path) -> None:
    assert command(tmp_path / "none", tmp_path / "v.mp4", photo=hopper, voice=speech) == 20


@pytest.mark.parametrize(
    "wrong",
    [
        ["--size", "641x360"],
        ["--size", "big"],
        ["--duration", "0"],
        ["--preset", "magic"],
        ["--temperature", "9"],
        ["--liveliness", "2"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    wrong: list[str], tmp_path: Path, hopper: Path, speech: Path
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(tmp_path, tmp_path / "v.mp4", *wrong, photo=hopper, voice=speech)
    assert stopped.value.code == 2


def test_a_healthy_package_passes_its_own_test(toy_package: Path) -> None:
    figures = run_self_test(toy_package)
    assert figures.token_agreement == 1.0
    assert figures.opening_error_mm == pytest.approx(0, abs=0.01)
    assert (figures.fps or 0) > 0


def test_a_package_that_does_something_else_fails_its_own_test(own_package: Path) -> None:
    manifest = json.loads((own_package / "manifest.json").read_text())["self_test"]
    change_manifest(own_package, self_test=manifest | {"tokens": [[0, 0, 0, 0]] * len(manifest["tokens"])})
    with pytest.raises(ModelError, match="tokens are as expected"):
        run_self_test(own_package)


def test_a_package_without_a_reference_fails_its_own_test(own_package: Path) -> None:
    change_manifest(own_package, self_test={"tokens": [], "opening_mm": []})
    with pytest.raises(ModelError, match="of the tokens are as expected"):
        run_self_test(own_package)


def test_an_opening_that_is_off_fails_the_test(own_package: Path) -> None:
    manifest = json.loads((own_package / "manifest.json").read_text())["self_test"]
    change_manifest(own_package, self_test=manifest | {"opening_mm": [v + 1 for v in manifest["opening_mm"]]})
    with pytest.raises(ModelError, match=r"1\.0 mm off"):
        run_self_test(own_package)
