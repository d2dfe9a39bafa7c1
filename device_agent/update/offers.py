"""Finds the release that an order names and judges it: do both repositories agree, may this frame have it?"""

from collections.abc import Callable
from pathlib import Path

from device_agent.errors import UpdateFailed
from device_agent.update.checks import Directed, FrameFacts, SignedFile, why_not
from device_agent.update.journal import Order
from device_agent.update.trust.client import Target, TrustClient
from frame_protocol.codec import decode
from frame_protocol.errors import ProtocolError
from frame_protocol.updates import Release, manifest_path

MAX_MANIFEST_BYTES = 64 * 1024


def read(
    order: Order, directed: Directed, trust: TrustClient, fetch: Callable[[Target], Path], facts: FrameFacts
) -> Release:
    """Return the release that may be installed; ``trust`` is fresh, ``fetch`` brings a target and compares its hash.

    Raises UpdateFailed when the release must be refused, with the reason; what ``trust`` and ``fetch`` raise says
    nothing about it.
    """
    path = manifest_path(order.line, order.release)
    target = trust.target(path)
    if target is None:
        raise UpdateFailed(f"{path} is not signed by the offline keys")
    release = _manifest(target, fetch)
    signed = {artefact.path: _signed(trust.target(artefact.path)) for artefact in release.artefacts}
    signed[path] = _signed(target)
    if reason := why_not(release, directed, signed, facts):
        raise UpdateFailed(reason)
    return release


def _manifest(target: Target, fetch: Callable[[Target], Path]) -> Release:
    if target.length > MAX_MANIFEST_BYTES:
        raise UpdateFailed(f"{target.path}: {target.length} bytes, at most {MAX_MANIFEST_BYTES} are read")
    try:
        return decode(fetch(target).read_bytes(), Release)
    except ProtocolError as error:
        raise UpdateFailed(f"{target.path} is signed, but is no release manifest: {error}") from error


def _signed(target: Target | None) -> SignedFile | None:
    return SignedFile(target.length, target.sha256) if target else None
