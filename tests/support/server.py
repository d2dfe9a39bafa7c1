"""The server's side of /device/v1 (docs/protocol.md), over real TLS, keeping what it accepted in memory."""

import hashlib
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from frame_protocol import codec
from frame_protocol.complaints import Complaint, ComplaintList, ComplaintState, ComplaintStatus
from frame_protocol.enrolment import EnrolRequest, EnrolResponse
from tests.support.pki import Authority

CODE = "ABCD-EFGH-JKLM"


class FleetServer:
    """One server on a free port; ``before_answer`` is called with the path of a request that has been carried out."""

    def __init__(self, authority: Authority, *, shown_ca: Authority | None = None) -> None:
        self.authority = authority
        self.shown_ca = (shown_ca or authority).pem
        self.before_answer: Callable[[str], None] = lambda path: None
        self.frames: dict[str, tuple[str, str]] = {}
        self.complaints: dict[str, Complaint] = {}
        self.files: dict[str, bytes] = {}
        self.states: dict[str, ComplaintState] = {}
        self.requests: list[str] = []
        self.failing = 0
        pair = authority.server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def carry_out(self, method: str, path: str, body: bytes, frame: str | None) -> tuple[int, bytes]:
        """Do what the contract says and return status and body."""
        self.requests.append(f"{method} {path}")
        if self.failing > 0:
            self.failing -= 1
            return 503, b"later"
        if (method, path) == ("GET", "/device/v1/ca"):
            return 200, self.shown_ca.encode()
        if (method, path) == ("POST", "/device/v1/enrol"):
            return self._enrol(codec.decode(body, EnrolRequest))
        return self._known_frame(method, path, body) if frame else (401, b"a client certificate is needed")

    def _known_frame(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if (method, path) == ("GET", "/device/v1/complaints"):
            return 200, self._list()
        if method == "PUT" and path.startswith("/device/v1/complaints/"):
            return self._complaint(path.removeprefix("/device/v1/complaints/"), body)
        return 404, b"no such call"

    def _enrol(self, request: EnrolRequest) -> tuple[int, bytes]:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        if request.claim_code != CODE:
            return 403, b"unknown claim code"
        public = x509.load_pem_x509_csr(request.csr_pem.encode()).public_key()
        key = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        frame, known = self.frames.setdefault(request.serial, (f"frame-{len(self.frames):04d}", key))
        if known != key:
            return 409, b"enrolled with another key"
        answer = EnrolResponse(
            frame_id=frame,
            certificate_pem=self.authority.sign_request(request.csr_pem, frame),
            ca_pem=self.authority.pem,
            mqtt_host="127.0.0.1",
            mqtt_port=8883,
        )
        return 200, codec.encode(answer)

    def _complaint(self, rest: str, body: bytes) -> tuple[int, bytes]:
        identifier, _, part = rest.partition("/")
        if not part:
            new = identifier not in self.complaints
            self.complaints.setdefault(identifier, codec.decode(body, Complaint))
            return (201 if new else 200), b""
        complaint = self.complaints[identifier]
        if not complaint.consent:
            return 409, b"no consent"
        expected = complaint.clip_sha256 if part == "clip" else complaint.voice_sha256
        if hashlib.sha256(body).hexdigest() != expected:
            return 400, b"another file"
        self.files[rest] = body
        return 204, b""

    def _list(self) -> bytes:
        listed = [
            ComplaintStatus(complaint_id=key, state=self.states.get(key, ComplaintState.FILED))
            for key in reversed(self.complaints)
        ]
        return msgspec.json.encode(ComplaintList(complaints=listed))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                certificate = self.connection.getpeercert()
                names = dict(entry[0] for entry in certificate["subject"]) if certificate else {}
                status, answer = server.carry_out(self.command, self.path, body, names.get("commonName"))
                server.before_answer(f"{self.command} {self.path}")
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
