"""RAUC behind the agent's small interface: real bundles, Debian's ``rauc``, its service on a private bus."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device_agent.errors import StorageError, UpdateFailed
from device_agent.update.firmware.rauc import Rauc
from device_agent.update.firmware.settings import Settings
from fleet_server.cli import main
from fleet_server.firmware import signing
from fleet_server.signing import firmware_images
from tests.support.firmware import Workshop
from tests.support.rauc_service import PRODUCTION, RaucService

HARDWARE = "dev"
TESTING = "+plain +verity"

Serve = Callable[[str], RaucService]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"), HARDWARE)


@pytest.fixture(scope="module")
def verity(workshop) -> Path:
    return workshop.raucb("2.0", "verity")


@pytest.fixture(scope="module")
def plain(workshop) -> Path:
    return workshop.raucb("2.0", "plain")


@pytest.fixture
def serve(workshop, tmp_path) -> Iterator[Serve]:
    """Start RAUC's service with a choice of bundle formats."""
    started = []

    def start(formats: str) -> RaucService:
        started.append(RaucService(tmp_path / "f", workshop.certificate, HARDWARE, formats))
        return started[-1]

    yield start
    for service in started:
        service.stop()


def agent(workshop: Workshop, service: RaucService | None, folder: Path, **more: object) -> Rauc:
    bus = service.address if service else ""
    return Rauc(folder, Settings(installer="rauc", certificate=str(workshop.certificate), rauc_bus=bus, **more))


def content_of(service: RaucService, slot: str) -> bytes:
    return (service.home / "slots" / slot).read_bytes()


@pytest.mark.parametrize("bundle_format", ["verity", "plain"])
def test_the_format_of_a_bundle_is_read_after_its_signature(workshop, request, tmp_path, bundle_format):
    bundle = request.getfixturevalue(bundle_format)
    assert agent(workshop, None, tmp_path).format_of(bundle) == bundle_format


def test_the_command_builds_a_verity_bundle(workshop, tmp_path):
    out = tmp_path / "firmware.raucb"
    command = ["firmware", "build", "--wheel", workshop.wheel, "--environment", workshop.environment("x")]
    command += [
        "--version",
        "9.0",
        "--counter",
        "9",
        "--hardware",
        HARDWARE,
        "--revision",
        "1.0",
        "--key",
        workshop.folder / "key",
    ]
    command += ["--password-file", workshop.folder / "password", "--format", "verity", "--out", out]
    assert main(list(map(str, command))) == 0
    assert agent(workshop, None, tmp_path).format_of(out) == "verity"
    assert agent(workshop, None, tmp_path).counter(out) == firmware_images.counter("it", out) == 9


def test_rauc_finds_version_hardware_and_image_in_a_verity_bundle(workshop, verity):
    said = subprocess.run(
        ["rauc", "info", f"--keyring={workshop.certificate}", str(verity)], check=True, capture_output=True, text=True
    ).stdout
    for expected in (f"Compatible: \t'{HARDWARE}'", "Version:    \t'2.0'", "Bundle Format: \tverity", "root.img"):
        assert expected in said


def test_a_bundle_that_somebody_else_signed_is_refused(verity, tmp_path):
    signing.make(tmp_path / "key", "another person")
    settings = Settings(installer="rauc", certificate=str(tmp_path / "key" / signing.CERTIFICATE))
    with pytest.raises(UpdateFailed, match="self-signed certificate"):
        Rauc(tmp_path, settings).format_of(verity)


def test_a_bundle_whose_signature_has_a_flipped_bit_is_refused(workshop, verity, tmp_path):
    data = bytearray(verity.read_bytes())
    data[-100] ^= 1
    (tmp_path / "flipped.raucb").write_bytes(data)
    with pytest.raises(UpdateFailed, match="rauc: "):
        agent(workshop, None, tmp_path).format_of(tmp_path / "flipped.raucb")


def test_a_plain_bundle_is_refused_in_production_before_rauc_is_asked_to_install(workshop, plain, tmp_path):
    with pytest.raises(UpdateFailed, match="a plain bundle came; only verity bundles are installed"):
        agent(workshop, None, tmp_path).install(plain, "b")


def test_rauc_with_the_frames_configuration_refuses_it_as_well(workshop, plain, serve):
    service = serve(PRODUCTION)
    with pytest.raises(UpdateFailed, match="Bundle format 'plain' not allowed"):
        agent(workshop, service, service.home, plain_bundles=True).install(plain, "b")
    assert not any(content_of(service, "b"))


def test_a_slot_that_rauc_believes_to_run_is_not_filled(workshop, verity, serve):
    service = serve(PRODUCTION)
    with pytest.raises(StorageError, match="RAUC says that slot 'a' runs, the boot loader says 'b'"):
        agent(workshop, service, service.home).install(verity, "a")


@pytest.mark.long
def test_a_plain_bundle_is_installed_into_the_other_slot(workshop, plain, serve):
    """RAUC mounts the bundle: this needs root and a loop device, which not every container has."""
    service = serve(TESTING)
    agent(workshop, service, service.home, plain_bundles=True).install(plain, "b")
    image = workshop.image("2.0").read_bytes()
    assert content_of(service, "b")[: len(image)] == image
    assert content_of(service, "a") == b"the firmware that runs"
