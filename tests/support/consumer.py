"""An ingest worker of docs/protocol.md, steps 3 and 4, on SQLite: insert, COMMIT, PUBACK, then Ack.

A program, so that a test can end it with kill -9: ``python -m tests.support.consumer DB PORT CA CERT KEY``.
"""

import queue
import sqlite3
import ssl
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from frame_protocol import codec, topics
from frame_protocol.telemetry import Ack, TelemetryMessage

TABLES = """
CREATE TABLE IF NOT EXISTS telemetry (frame TEXT, boot TEXT, seq INTEGER, event BLOB, PRIMARY KEY (frame, boot, seq));
CREATE TABLE IF NOT EXISTS floor (frame TEXT, boot TEXT, floor INTEGER, PRIMARY KEY (frame, boot));
CREATE TABLE IF NOT EXISTS refused (frame TEXT, boot TEXT, seq INTEGER);
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the server's database; every COMMIT is durable."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(TABLES)
    return connection


def commit(connection: sqlite3.Connection, message: TelemetryMessage) -> Ack:
    """Insert one message, commit, and return the acknowledgement that is true afterwards."""
    event = codec.encode(message)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?)", (message.frame, message.boot, message.seq, event)
    )
    connection.execute(
        "INSERT INTO floor VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET floor = MAX(floor, excluded.floor)",
        (message.frame, message.boot, message.floor),
    )
    connection.execute("COMMIT")
    return Ack(boot=message.boot, seq=settled(connection, message.frame, message.boot))


def settled(connection: sqlite3.Connection, frame: str, boot: str) -> int:
    """Return the highest number up to which everything of the boot is committed or below the floor."""
    (floor,) = connection.execute("SELECT floor FROM floor WHERE frame = ? AND boot = ?", (frame, boot)).fetchone()
    highest = floor - 1
    rows = connection.execute(
        "SELECT seq FROM telemetry WHERE frame = ? AND boot = ? AND seq >= ? ORDER BY seq", (frame, boot, floor)
    )
    for (seq,) in rows:
        if seq != highest + 1:
            break
        highest = seq
    return highest


def main(database: str, port: str, ca: str, certificate: str, key: str) -> None:
    """Consume until killed."""
    connection = open_database(Path(database))
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id="ingest-0", protocol=mqtt.MQTTv5, manual_ack=True
    )
    client.tls_set(ca, certificate, key, cert_reqs=ssl.CERT_REQUIRED)
    client.reconnect_delay_set(1, 1)
    arrived: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
    client.on_connect = lambda c, *_: c.subscribe(topics.shared(topics.TELEMETRY), 1)
    client.on_message = lambda _c, _u, message: arrived.put(message)
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 600
    client.connect_async("127.0.0.1", int(port), 30, clean_start=False, properties=properties)
    client.loop_start()
    print("ready", flush=True)  # noqa: T201 - the test waits for this line
    while True:
        message = arrived.get()
        ack = commit(connection, codec.decode(message.payload, TelemetryMessage))
        client.ack(message.mid, message.qos)
        frame = topics.parse(message.topic)
        assert frame is not None
        client.publish(topics.ack(frame[0]), codec.encode(ack), qos=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
