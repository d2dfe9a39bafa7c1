"""Keys inside a PKCS#11 token sign for people and for the server, and a frame takes what they signed."""

import threading
from datetime import UTC, datetime

import pytest

from device_agent.update.trust.client import TrustClient
from device_agent.update.trust.store import MetadataStore
from fleet_server.errors import ConfigurationError
from fleet_server.signing import apply, bundle, ceremony, change, keys, metadata, roles, token
from fleet_server.signing.change import Replacement
from fleet_server.signing.director import Director
from frame_protocol.updates import ArtefactKind, Line
from tests.support.directing import Asking, RootFiles, assigned, direct
from tests.support.repository import PASSWORD, TestRepository, hold_ceremony

PIN = "4321"
IN_FILES = ("firmware", "seasonal", "director-root")
IN_TOKEN = {"root": 1, "targets": 2, "models": 3}


def uri(number: int, label: str) -> str:
    return f"hsm:{number}?label={label}"


@pytest.fixture
def label(new_token, request):
    """A fresh token of that label."""
    name = f"t{abs(hash(request.node.name)) % 10**8}"
    new_token(name, PIN)
    return name


@pytest.fixture
def world(tmp_path, label, monkeypatch):
    """A repository in which person 2 holds root, targets and models in a token, and the server its director."""
    monkeypatch.setenv("FLEET_HSM_PIN", PIN)
    made = TestRepository(tmp_path / "server", hold_ceremony(tmp_path / "ceremony"))
    made.director = Director(made.config.tuf_dir)
    made.director.install(made.ceremony / "server")
    person = ceremony.person_directory(made.ceremony, 2)
    public = {}
    for role, number in IN_TOKEN.items():
        public[role] = token.generate(uri(number, label), PIN)
        public[role].unrecognized_fields[roles.HOLDER_FIELD] = 2
    token.generate(uri(9, label), PIN, "p384")
    online = apply.new_online_keys(made.repository, ["director"], {"director": uri(9, label)})
    (tmp_path / "online.json").write_bytes(online)
    replacements = [Replacement(2, public), apply.read_public_keys(tmp_path / "online.json")]
    before, chains = apply.published(made.repository, made.director)
    built = change.build(before, chains, replacements, metadata.now(), tmp_path / "change", renew=False)
    for number in (1, 3):
        change.sign(built, ceremony.person_directory(made.ceremony, number), PASSWORD)
    apply.apply(made.repository, made.director, change.load(tmp_path / "change"), metadata.now())
    for role, number in IN_TOKEN.items():
        (person / f"{role}.pem").unlink()
        keys.refer(person / f"{role}.pem", uri(number, label), public[role])
    return made


def believed(world, folder, path):
    source = RootFiles(world.repository.metadata)
    client = TrustClient(MetadataStore(folder), source, world.root, now=lambda: datetime.now(UTC))
    return client.target(path)


def test_what_a_token_signed_for_root_targets_and_models_is_believed_by_a_frame(world, tmp_path):
    model = tmp_path / "one.tar"
    model.write_bytes(b"one")
    people = {1: PASSWORD, 2: PIN}
    before, chains = apply.published(world.repository, world.director)
    renewal = change.build(before, chains, [], metadata.now(), tmp_path / "renewal", renew=True)
    for number, secret in people.items():
        own = ceremony.person_directory(world.ceremony, number)
        if number == 2:  # the token alone
            for role in IN_FILES:
                (own / f"{role}.pem").unlink()
        change.sign(renewal, own, secret)
    change.sign(renewal, ceremony.person_directory(world.ceremony, 3), PASSWORD)
    for role in IN_TOKEN:
        signers = {key.keytype for key in signing_keys(renewal, role)}
        assert signers == {"ed25519", "ecdsa"}
    apply.apply(world.repository, world.director, change.load(renewal.directory), metadata.now())

    built = world.build("one", 1, [(ArtefactKind.MODEL, model)])
    for number, secret in people.items():
        own = ceremony.person_directory(world.ceremony, number)
        built = bundle.sign(built, own, secret)
    world.upload(built)
    world.repository.publish(Line.MODELS, built.data, metadata.now())
    assert believed(world, tmp_path / "frame", "models/one/one.tar").length == 3


def signing_keys(made, role):
    document = made.after[role]
    judge, name = next(iter(made.judges(role)))
    trusted = judge.signed.get_delegated_role(name).keyids
    return [judge.signed.get_key(keyid) for keyid in document.signatures if keyid in trusted]


def test_a_director_in_a_token_orders_and_a_frame_obeys(world, tmp_path):
    root = (world.ceremony / "frames" / "director-root.json").read_bytes()
    asking = Asking(tmp_path / "frame", world.director.roots, root)
    mine = assigned(1, "one", counter=1)
    answer = direct(world.director, mine)
    assert b"ecdsa" in (world.director.roots / "2.root.json").read_bytes()
    assert asking.ask(answer).assignment == mine


def test_threads_of_the_server_sign_with_one_token_beside_each_other(world):
    answers = []

    def ask(number):
        answers.extend(direct(world.director, assigned(number, "one", counter=1)) for _ in range(5))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20


def test_a_key_in_a_token_is_never_overwritten_and_a_wrong_pin_says_so(label):
    token.generate(uri(1, label), PIN)
    with pytest.raises(ConfigurationError, match="never overwritten"):
        token.generate(uri(1, label), PIN)
    public = token.public_key(uri(1, label), PIN)
    with pytest.raises(ConfigurationError, match="PIN"):
        token.TokenSigner(uri(1, label), public, lambda: "0000").sign(b"data")


@pytest.mark.parametrize("wrong", ["hsm:?label=x", "hsm:three?label=x", "hsm:3", "file:3?label=x"])
def test_an_address_that_names_no_key_is_explained(softhsm, wrong):
    with pytest.raises(ConfigurationError, match="label=TOKEN"):
        token.public_key(wrong, PIN)


def test_without_the_library_of_a_token_its_name_is_asked_for(monkeypatch):
    monkeypatch.delenv("PYKCS11LIB", raising=False)
    with pytest.raises(ConfigurationError, match="PYKCS11LIB"):
        token.public_key("hsm:1?label=x", PIN)
