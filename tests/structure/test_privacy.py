"""What runs in a home tells nobody but its own fleet server."""

import os
import subprocess
import sys


def test_the_inference_library_keeps_no_device_id_and_no_usage_records(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    program = (
        "import time; from device_agent.engine.runtime import onnx; onnx.ort.get_available_providers(); time.sleep(1)"
    )
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_the_agents_switch_it_would_keep_them(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    program = "import time; import onnxruntime; onnxruntime.get_available_providers(); time.sleep(1)"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    kept = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert "deviceid" in kept, "the library has changed: is the switch in engine/runtime/onnx.py still needed?"
