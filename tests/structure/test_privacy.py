"""What runs in a home tells nobody but its own fleet server."""

import os
import subprocess
import sys
import textwrap


def test_the_inference_library_keeps_no_device_id_and_no_usage_records(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    program = (
        "import time; from device_agent.engine.runtime import onnx; onnx.ort.get_available_providers(); time.sleep(1)"
    )
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_switch_is_set_before_the_library_is_loaded():
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    program = textwrap.dedent("""
        import builtins, os
        real, seen = builtins.__import__, []
        def watched(name, *rest, **more):
            if name.split(".")[0] == "onnxruntime":
                seen.append(os.environ.get("ORT_DISABLE_TELEMETRY"))
            return real(name, *rest, **more)
        builtins.__import__ = watched
        from device_agent.engine.runtime import onnx
        assert seen and seen[0] == "1", seen
    """)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
