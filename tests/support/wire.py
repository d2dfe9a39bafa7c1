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
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._upwards, args=(near, far), daemon=True).start()
            threading.Thread(target=self._downwards, args=(far, near, next(self._cuts, None)), daemon=True).start()

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
