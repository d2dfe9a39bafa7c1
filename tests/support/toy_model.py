"""A model package whose graphs are simple arithmetic: louder sound opens the mouth wider. Nothing is trained.

It has the very inputs and outputs of docs/protocol.md, so the engine cannot tell it from a trained one.
"""

import hashlib
import json
import wave
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from device_agent.engine import canonical
from frame_protocol.model_package import weights_hash

WIDTH, LAYERS, HEADS, HEAD_DIM, TOKENS, CODEBOOK, CODE_DIM, CONTEXT = 8, 1, 2, 4, 4, 512, 4, 8
CHUNK, LEFT, RIGHT, LAG = 8, 4, 3, 1
MAX_OPENING_MM = 14.0
CHANNELS = ["upper_dx", "upper_dy", "lower_dx", "lower_dy"]
SHAPE = {
    "width": WIDTH, "layers": LAYERS, "heads": HEADS, "head_dim": HEAD_DIM, "tokens_per_frame": TOKENS,
    "codebook_size": CODEBOOK, "code_dim": CODE_DIM, "context_frames": CONTEXT, "audio_chunk": CHUNK,
    "audio_left": LEFT, "audio_right": RIGHT, "feedback_lag": LAG, "map_channels": CHANNELS,
}  # fmt: skip


def build(directory: Path, models: Path, points: np.ndarray) -> Path:
    """Write an unpacked package into ``directory``; ``models`` holds ``faces/`` and ``vad.onnx``."""
    (directory / "faces").mkdir(parents=True)
    for name in ("faces/detector.tflite", "faces/detector_full.tflite", "faces/mesh.tflite", "faces/iris.tflite"):
        (directory / name).write_bytes((models / name).read_bytes())
    (directory / "vad.onnx").write_bytes((models / "vad.onnx").read_bytes())
    opening = opening_map(points)
    for name, model in (
        ("audio", _audio()),
        ("prompt", _prompt()),
        ("step", _step()),
        ("decoder", _decoder(opening)),
    ):
        onnx.checker.check_model(model)
        (directory / f"{name}.onnx").write_bytes(model.SerializeToString())
    integers = np.arange(-60, 60, dtype=np.int8).reshape(12, 10)
    tensors = {
        "toy.q": integers, "toy.scale": np.ones(12, np.float32), "codebook": _codebook(),
        "canonical.points": points.astype(np.float32), "canonical.extent": np.array(canonical.EXTENT_MM, np.float32),
        "canonical.opening_map": opening,
    }  # fmt: skip
    save_file(tensors, directory / "weights.safetensors")
    (directory / "reference").mkdir()
    _write_tone(directory / "reference" / "voice.wav")
    (directory / "MODEL_CARD.md").write_text("A toy: loudness opens the mouth.\n")
    write_manifest(directory, weights_hash([("toy.q", integers.shape, integers.tobytes())]))
    return directory


def write_manifest(directory: Path, weights: str, *, tokens: list | None = None, opening: list | None = None) -> None:
    """List every file of ``directory`` in its manifest."""
    (directory / "manifest.json").unlink(missing_ok=True)
    files = {}
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        data = path.read_bytes()
        files[str(path.relative_to(directory))] = {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {
        "v": 1, "kind": "model", "model_id": f"toy-{weights[:12]}", "family": "toy", "weights_sha256": weights,
        "files": files, "shape": SHAPE, "sampling": {"temperature": 0.0, "seed": 0},
        "self_test": {"tokens": tokens or [], "opening_mm": opening or []},
    }  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(manifest))


def opening_map(points: np.ndarray) -> np.ndarray:
    """A mouth opened by 1 mm: the lower lip and jaw sink by 0.85, the upper lip rises by 0.15."""
    x, y = np.meshgrid(*canonical.grid_mm())
    corner, lip = float(points[canonical.LEFT_CORNER, 0]), float(points[canonical.UPPER_LIP_CENTRE, 1])
    across = np.clip(1 - (x / corner) ** 2, 0, 1) ** 0.7
    jaw = np.exp(-(((y - lip - 18) / 30) ** 2)) * np.exp(-((x / 38) ** 2))
    lower = 0.85 * np.maximum(jaw, 0.0) * (0.25 + 0.75 * across)
    upper = -0.15 * np.exp(-(((y - lip + 4) / 9) ** 2)) * across
    motion = np.stack([0 * x, upper, 0 * x, lower]).astype(np.float32)
    return motion / np.float32(canonical.map_opening(motion, points))


def _codebook() -> np.ndarray:
    levels = np.linspace(0, 1, CODEBOOK, dtype=np.float32)
    return np.repeat(levels[:, None], CODE_DIM, axis=1)


def _audio() -> onnx.ModelProto:
    """Mean of the four columns and all bands of each frame, as 0..1 in every channel."""
    nodes = [
        helper.make_node("Slice", ["mel", "begin", "end", "axis"], ["inner"]),
        helper.make_node("ReduceMean", ["inner", "bands"], ["column"], keepdims=1),
        helper.make_node("AveragePool", ["column"], ["frame"], kernel_shape=[1, 4], strides=[1, 4]),
        helper.make_node("Add", ["frame", "shift"], ["raised"]),
        helper.make_node("Mul", ["raised", "gain"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "zero", "one"], ["level"]),
        helper.make_node("Expand", ["level", "shape"], ["audio"]),
    ]
    constants = {
        "begin": np.array([4 * LEFT]), "end": np.array([4 * (LEFT + CHUNK)]), "axis": np.array([3]),
        "bands": np.array([1]), "shift": np.float32(0.6), "gain": np.float32(0.7), "zero": np.float32(0),
        "one": np.float32(1), "shape": np.array([1, WIDTH, 1, CHUNK]),
    }  # fmt: skip
    return _model(nodes, {"mel": [1, 80, 1, 4 * (LEFT + CHUNK + RIGHT)]}, {"audio": [1, WIDTH, 1, CHUNK]}, constants)


def _prompt() -> onnx.ModelProto:
    size = [LAYERS * HEADS, HEAD_DIM, 1, 256]
    nodes = [
        helper.make_node("ReduceMean", ["photo", "axes"], ["mean"], keepdims=1),
        helper.make_node("ReduceMean", ["rest", "axes"], ["still"], keepdims=1),
        helper.make_node("Add", ["mean", "still"], ["sum"]),
        helper.make_node("Expand", ["sum", "shape"], ["prompt_k"]),
        helper.make_node("Identity", ["prompt_k"], ["prompt_v"]),
    ]
    constants = {"axes": np.array([1, 2, 3]), "shape": np.array(size)}
    inputs = {"photo": [1, 3, 256, 256], "rest": [1, 4, 1, 1]}
    return _model(nodes, inputs, {"prompt_k": size, "prompt_v": size}, constants)


def _step() -> onnx.ModelProto:
    """The likeliest code is the one whose level is that of the sound; everything else is carried along unread."""
    slots = CONTEXT * (1 + TOKENS)
    cache, new = [LAYERS * HEADS, HEAD_DIM, 1, slots], [LAYERS * HEADS, HEAD_DIM, 1, 1 + TOKENS]
    angles, prompt = [1, HEAD_DIM, 1, 1 + TOKENS], [LAYERS * HEADS, HEAD_DIM, 1, 256]
    inputs = {
        "audio": [1, WIDTH, 1, 1], "feedback": [1, CODE_DIM, 1, TOKENS], "cos": angles, "sin": angles,
        "prompt_k": prompt, "prompt_v": prompt, "cache_k": cache, "cache_v": cache, "mask": [1, 1, 1, slots],
    }  # fmt: skip
    unread = [name for name in inputs if name != "audio"]
    nodes = [helper.make_node("ReduceSum", [name, "all"], [f"{name}_sum"], keepdims=0) for name in unread]
    nodes += [
        helper.make_node("Sum", [f"{name}_sum" for name in unread], ["everything"]),
        helper.make_node("Mul", ["everything", "nothing"], ["zero"]),
        helper.make_node("ReduceMean", ["audio", "channels"], ["level"], keepdims=1),
        helper.make_node("Sub", ["levels", "level"], ["away"]),
        helper.make_node("Mul", ["away", "away"], ["square"]),
        helper.make_node("Mul", ["square", "sharpness"], ["score"]),
        helper.make_node("Add", ["score", "zero"], ["shifted"]),
        helper.make_node("Expand", ["shifted", "logits_shape"], ["logits"]),
        helper.make_node("Expand", ["level", "new_shape"], ["new_k"]),
        helper.make_node("Identity", ["new_k"], ["new_v"]),
    ]
    constants = {
        "all": np.arange(4), "nothing": np.float32(0), "channels": np.array([1]), "sharpness": np.float32(-1e4),
        "levels": _codebook()[None, :, :1, None], "logits_shape": np.array([1, CODEBOOK, 1, TOKENS]),
        "new_shape": np.array(new),
    }  # fmt: skip
    return _model(nodes, inputs, {"logits": [1, CODEBOOK, 1, TOKENS], "new_k": new, "new_v": new}, constants)


def _decoder(opening: np.ndarray) -> onnx.ModelProto:
    nodes = [
        helper.make_node("ReduceMean", ["codes", "axes"], ["level"], keepdims=1),
        helper.make_node("Mul", ["level", "opening"], ["map"]),
    ]
    constants = {"axes": np.array([1, 2, 3]), "opening": (opening * MAX_OPENING_MM)[None]}
    return _model(nodes, {"codes": [1, CODE_DIM, 1, TOKENS]}, {"map": [1, 4, 64, 64]}, constants)


def _model(nodes: list, inputs: dict, outputs: dict, constants: dict) -> onnx.ModelProto:
    values = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", values[0], values[1], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _write_tone(path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 6000, 8000) * (0.55 + 0.5 * np.sin(np.arange(8000) / 900))
    samples = np.clip(noise, -32767, 32767).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
