"""A real HTTP server in a thread that takes webhooks: keeps each request, answers as told."""

import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import time_machine
from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True)
class ReceivedRequest:
    """As it came. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """`delay`: seconds before answering. `hang_up`: cut the connection instead of answering; `reset`: so
    that the other side hears of it as an error. `drip`: the body comes byte by byte, each after so many
    seconds; `drip_from_start`: the status line as well."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0
    hang_up: bool = False
    reset: bool = False
    drip: float = 0
    drip_from_start: bool = False


class Receiver:
    """`with Receiver() as receiver:`; 204 for everything, unless `answers` or `respond` say else.

    `answers`: used up first, one a request. `respond`: asked for every other one. `context`: it speaks TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.answers: deque[Answer] = deque()
        self.respond: Callable[[ReceivedRequest], Answer] = lambda _: Answer()
        self.closing = threading.Event()
        self._requests: list[ReceivedRequest] = []
        self._changed = threading.Condition()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, path: str = "/hook") -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self._port}{path}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Those that came so far, in order."""
        with self._changed:
            return list(self._requests)

    def clear(self) -> None:
        with self._changed:
            self._requests.clear()

    def renew(self) -> None:
        """As it was at the beginning: it listens, takes everything, and has taken nothing."""
        self.answers.clear()
        self.respond = lambda _: Answer()
        self.start()
        self.clear()

    def wait_for(
        self, wanted: int | Callable[[ReceivedRequest], bool] = 1, timeout: float = 15
    ) -> list[ReceivedRequest]:
        """All requests once there are `wanted` of them, or all that match once there is one."""

        def found() -> list[ReceivedRequest]:
            if isinstance(wanted, int):
                return list(self._requests) if len(self._requests) >= wanted else []
            return [request for request in self._requests if wanted(request)]

        with self._changed:
            if not self._changed.wait_for(found, timeout):
                seen = [(request.path, request.body[:200]) for request in self._requests]
                raise AssertionError(f"not within {timeout} seconds; requests so far: {seen}")
            return found()

    def start(self) -> None:
        """Listens again on the port of the first start."""
        if self._server is None:
            self.closing.clear()
            self._server = _Server(self, self._port)
            self._port = self._server.server_port
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
            self._thread.start()

    def stop(self) -> None:
        """Cuts open connections too, as an outage does."""
        if self._server is not None and self._thread is not None:
            self.closing.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None

    def take(self, request: ReceivedRequest) -> Answer:
        """Keep the request and choose its answer."""
        with self._changed:
            answer = self.answers.popleft() if self.answers else None
            self._requests.append(request)
            self._changed.notify_all()
        return answer or self.respond(request)

    @staticmethod
    def verify(secret: str, request: ReceivedRequest, now: datetime) -> Any:
        """The body's JSON, once a receiver's own library has checked signature and timestamp.

        That library reads the clock itself, and tests move the service's clock: the check runs
        at `now`. Raises WebhookVerificationError.
        """
        with time_machine.travel(now, tick=False):
            return Webhook(secret).verify(request.body, dict(request.headers))


class _Server(ThreadingHTTPServer):
    """Remembers its connections: keep-alive ones would survive the end of listening."""

    daemon_threads = False
    #: A whole burst may knock at once; the library's five would turn the rest away.
    request_queue_size = 128

    def __init__(self, receiver: Receiver, port: int) -> None:
        self.receiver = receiver
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake comes with the first byte that is read, in a thread of its own: a client that
        spoils it holds nobody up."""
        connection, address = super().get_request()
        if (context := self.receiver.context) is None:
            return connection, address
        wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Wakes the threads that still read, then joins them."""
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in mid-sentence is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver = self.server.receiver
        answer = receiver.take(ReceivedRequest(self.command, self.path, headers, body))
        if answer.delay:
            receiver.closing.wait(answer.delay)
        if answer.reset:
            gone = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, gone)
            self.connection.close()
        if answer.hang_up or answer.reset or receiver.closing.is_set():
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815

    def _send(self, answer: Answer) -> None:
        if answer.drip_from_start:
            self._drip(f"HTTP/1.1 {answer.status} Slow\r\n".encode(), answer.drip)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD" or answer.status == 204:
            return
        if answer.drip:
            self._drip(answer.body, answer.drip)
        else:
            self.wfile.write(answer.body)

    def _drip(self, content: bytes, pause: float) -> None:
        """Until the client has had enough, or the server stops."""
        for byte in content:
            if self.server.receiver.closing.wait(pause):
                return
            self.wfile.write(bytes((byte,)))

    def log_message(self, *_: Any) -> None:
        """Quiet: the requests are kept."""
