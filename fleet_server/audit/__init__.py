"""The audit log: every action of a person or program is one sentence, chained by hashes."""

from fleet_server.audit.service import SYSTEM, record

__all__ = ["SYSTEM", "record"]
