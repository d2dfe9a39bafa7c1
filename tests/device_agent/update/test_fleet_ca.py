"""Which fleet CA a frame trusts: what two of three people signed, whoever brings it, and nothing else."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from device_agent.enrolment.renew import renew_if_due
from device_agent.errors import ServerUnreachable, TrustError
from device_agent.system import identity, lock
from device_agent.update import fleet_ca
from fleet_server.signing import apply, ceremony, change, keys, metadata
from fleet_server.signing.director import Director
from frame_protocol.enrolment import FLEET_CA_FIELD
from tests.support.frame import enrolled_home
from tests.support.pki import Authority
from tests.support.repository import PASSWORD, TestRepository, hold_ceremony


class Door:
    """An HTTPS server of metadata files with a certificate of ``authority``; keeps who came, and for what."""

    def __init__(self, authority: Authority, folder) -> None:
        self.visitors: list[dict | None] = []
        self.paths: list[str] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.visitors.append(self.connection.getpeercert())
                door.paths.append(self.path)
                path = folder / self.path.rpartition("/")[2]
                body = path.read_bytes() if path.is_file() else b""
                self.send_response(200 if path.is_file() else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        pair = authority.server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def old(tmp_path):
    return Authority(tmp_path / "old", "Old CA")


@pytest.fixture
def new(tmp_path):
    return Authority(tmp_path / "new", "New CA")


def name_ca(made: TestRepository, folder, pems):
    """Two people sign which CAs frames are to trust."""
    director = Director(made.config.tuf_dir)
    if not director.is_installed:
        director.install(made.ceremony / "server")
    before, chains = apply.published(made.repository, director)
    built = change.build(before, chains, [], metadata.now(), folder, renew=False, fleet_ca=pems)
    for person in (1, 3):
        change.sign(built, ceremony.person_directory(made.ceremony, person), PASSWORD)
    apply.apply(made.repository, director, change.load(folder), metadata.now())


@pytest.fixture
def door(published):
    made = []

    def opened(authority, folder=None) -> Door:
        made.append(Door(authority, folder or published.repository.metadata))
        return made[-1]

    yield opened
    for one in made:
        one.close()


@pytest.fixture
def home_of(tmp_path, published, old):
    def make(url):
        home = enrolled_home(tmp_path / "home", old, mqtt_port=1, server=url)
        home.trust_root.write_bytes(published.root)
        return home

    return make


def trusted(home) -> str:
    known = identity.load(home)
    assert known.ca_file.read_text() == known.record.ca_pem
    return known.record.ca_pem


def test_before_any_rotation_a_frame_keeps_the_ca_it_enrolled_with(home_of, door, old):
    home = home_of(door(old).url)
    assert not fleet_ca.follow(home)
    assert trusted(home) == old.pem


def test_during_the_overlap_a_frame_trusts_both_once_it_was_told(home_of, door, published, old, new, *, tmp_path):
    home = home_of(door(old).url)
    name_ca(published, tmp_path / "both", [old.pem, new.pem])
    assert fleet_ca.follow(home)
    assert trusted(home) == old.pem + new.pem
    assert not fleet_ca.follow(home)


def test_a_frame_that_slept_asks_whoever_answers_and_shows_nothing_of_itself(
    home_of, door, published, old, new, *, tmp_path
):
    name_ca(published, tmp_path / "both", [old.pem, new.pem])
    name_ca(published, tmp_path / "one", [new.pem])
    unknown = door(new)
    home = home_of(unknown.url)
    assert fleet_ca.follow(home)
    assert trusted(home) == new.pem
    assert unknown.visitors
    assert not any(unknown.visitors)
    assert all(path.startswith("/tuf/metadata/") for path in unknown.paths)


def test_an_impostor_with_metadata_of_their_own_is_not_believed(home_of, door, new, tmp_path):
    theirs = TestRepository(tmp_path / "theirs", hold_ceremony(tmp_path / "their-ceremony"))
    name_ca(theirs, tmp_path / "change", [new.pem])
    home = home_of(door(new, theirs.repository.metadata).url)
    before = trusted(home)
    with pytest.raises(TrustError):
        fleet_ca.follow(home)
    assert trusted(home) == before


def test_a_thief_of_the_server_and_its_online_keys_names_no_ca(home_of, door, published, old, new):
    state = published.repository.state()
    targets = metadata.parse(metadata.Targets, state.documents["targets"])
    targets.signed.version += 1
    targets.signed.unrecognized_fields[FLEET_CA_FIELD] = [new.pem]
    targets.signatures.clear()
    for role in ("snapshot", "timestamp"):
        metadata.sign(targets, keys.open_signer(published.repository.keys / f"{role}.pem", None))
    data = metadata.dump(targets)
    published.repository.write(f"{targets.signed.version}.targets.json", data)
    documents = {**state.documents, "targets": data}
    published.repository.sign_online(state.root, documents, 9, 9, metadata.now())
    home = home_of(door(old).url)
    with pytest.raises(TrustError):
        fleet_ca.follow(home)
    assert trusted(home) == old.pem


def test_an_older_list_is_not_taken_for_a_newer_one(home_of, door, published, old, new, *, tmp_path):
    name_ca(published, tmp_path / "both", [old.pem, new.pem])
    earlier = {path.name: path.read_bytes() for path in published.repository.metadata.iterdir()}
    name_ca(published, tmp_path / "one", [new.pem])
    home = home_of(door(new).url)
    assert fleet_ca.follow(home)
    (published.repository.metadata / "timestamp.json").write_bytes(earlier["timestamp.json"])
    with pytest.raises(TrustError, match="version"):
        fleet_ca.follow(home)
    assert trusted(home) == new.pem


def test_while_an_update_works_the_frame_asks_later(home_of, door, old):
    home = home_of(door(old).url)
    home.update.mkdir()
    with lock.exclusive(home.update / "lock", purpose="update"), pytest.raises(lock.AlreadyRunning):
        fleet_ca.follow(home)


def test_a_server_that_is_not_there_changes_nothing(home_of, old):
    home = home_of("https://127.0.0.1:1")
    with pytest.raises(ServerUnreachable):
        fleet_ca.follow(home)
    assert trusted(home) == old.pem


def test_a_certificate_whose_ca_is_trusted_no_more_is_due_at_once(home_of, door, published, old, new, *, tmp_path):
    name_ca(published, tmp_path / "one", [new.pem])
    asked = door(new)
    home = home_of(asked.url)
    assert not renew_if_due(home)
    fleet_ca.follow(home)
    with pytest.raises((ServerUnreachable, TrustError)):  # this server only serves files
        renew_if_due(home)


@pytest.mark.parametrize("value", ["pem", [], [1], ["pem"], [None] * 2, ["pem"] * 5, {}])
def test_a_list_that_is_none_changes_nothing(value):
    with pytest.raises(TrustError):
        fleet_ca.listed(value)


def test_no_list_is_no_rotation():
    assert fleet_ca.listed(None) is None
