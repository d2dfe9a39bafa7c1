"""The ingest's counters in Prometheus' text format (pure)."""

from fleet_server.telemetry.ingest import Counters

FILE = "ingest.prom"
"""In the data directory; the people's server shows it on /metrics."""

_HELP = {
    "received": "payloads that came from the broker",
    "stored": "messages committed for the first time",
    "duplicates": "messages that were there already",
    "unreadable": "messages kept without their content",
    "unknown_frames": "messages of frames this server does not know",
    "batches": "transactions",
    "retries": "batches tried again because the database was away",
}


def render(counters: Counters) -> str:
    """Return the counters as text."""
    lines = []
    for name, text in _HELP.items():
        metric = f"liveframe_ingest_{name}_total"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} counter", f"{metric} {getattr(counters, name)}"]
    metric = "liveframe_ingest_rejected_total"
    lines += [f"# HELP {metric} payloads dropped whole", f"# TYPE {metric} counter"]
    lines += [f'{metric}{{reason="{reason}"}} {number}' for reason, number in counters.rejected.items()]
    return "\n".join(lines) + "\n"
