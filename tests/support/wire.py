"""The cable between a frame and its server: counts every byte, and is pulled out when told to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

READ_BYTES = 16 * 1024


class Wire:
    """Forwards TCP from a free port to ``port``; each connection breaks after the next of ``cuts`` bytes."""

    def __init__(self, port: int, cuts: Iterator[int] | None = None) -> None:
        self.up = self.down = self.connections = 0
        self._port = port
        self._cuts = cuts or iter(())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._pumps: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def settle(self) -> None:
        """Wait until every connection has ended and all of it is counted; both ends must have closed."""
        for pump in self._pumps:
            pump.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._port))
            down = (far, near, next(self._cuts, None))
            for pump in (
                threading.Thread(target=self._upwards, args=(near, far), daemon=True),
                threading.Thread(target=self._downwards, args=down, daemon=True),
            ):
                pump.start()
                self._pumps.append(pump)

    def _upwards(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while data := near.recv(READ_BYTES):
                self.up += len(data)
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            far.close()

    def _downwards(self, far: socket.socket, near: socket.socket, cut: int | None) -> None:
        left = cut
        try:
            while data := far.recv(READ_BYTES if left is None else min(READ_BYTES, left)):
                self.down += len(data)
                near.sendall(data)
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        break
        except OSError:
            pass  # the other end has gone
        finally:
            for end in (near, far):  # a thread that waits at either end wakes only from this
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
