"""A client with the server's rights that hears presence and sends acknowledgements and commands by hand."""

import queue

import paho.mqtt.client as mqtt

from frame_protocol import topics
from tests.support.broker import Mosquitto


class Observer:
    """Connected to the broker as the fleet server."""

    def __init__(self, broker: Mosquitto) -> None:
        pair = broker.authority.client("fleet-server")
        self.heard: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="observer", protocol=mqtt.MQTTv5)
        self._client.tls_set(broker.authority.file, pair.certificate, pair.key)
        self._client.on_connect = lambda client, *_: client.subscribe(topics.every_frame(topics.STATUS), 1)
        self._client.on_message = lambda _c, _u, message: self.heard.put(message)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def next(self, seconds: float = 15) -> bytes:
        """Return the next presence message."""
        return self.heard.get(timeout=seconds).payload

    def send(self, topic: str, payload: bytes) -> None:
        """Publish, and wait for the broker's PUBACK."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
