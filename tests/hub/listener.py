"""The sockets: reads requests, lets faults strike, finds the route, writes replies, notes the traffic."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.hub.faults import CutUpload, Effect, Faults
from tests.hub.routes import Route, find
from tests.hub.state import Call, State
from tests.hub.traffic import Exchange, Traffic
from tests.hub.wire import HubError, Reply, Request, refusal


class Listener:
    """A threaded HTTP server on a free loopback port that answers a table of routes."""

    def __init__(self, faults: Faults, traffic: Traffic) -> None:
        self.faults = faults
        self.traffic = traffic
        self.state: State | None = None
        self.routes: Sequence[Route] = ()
        self.accounts = True
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.listener = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self, state: State, routes: Sequence[Route], *, accounts: bool = True) -> None:
        """Answer from now on; ``accounts=False`` where tokens are none of the users' and the handlers look at them."""
        self.state, self.routes, self.accounts = state, routes, accounts
        self._thread.start()

    def stop(self) -> None:
        """Give the port back, and hang up on every client.

        A client keeps its connections: one to this Hub would answer for the next that happens to get the same port.
        """
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

    def answer(self, request: Request, effects: Sequence[Effect]) -> tuple[Reply, str, str]:
        """The reply to a request, the kind of its route, and who asked."""
        state = self.state
        assert state is not None, "answers come after start()"
        found = find(self.routes, request.method, request.raw_path)
        kind = found[0].kind if found else "unknown"
        viewer = state.accounts.viewer(request.token if self.accounts else None)
        name = viewer.name if viewer else "unknown"
        for effect in effects:
            early = effect.before(request)
            if early is not None:
                return early, kind, name
        try:
            if viewer is None:
                raise HubError(401, "Invalid credentials in Authorization header")
            if found is None:
                raise HubError(404, f"Sorry, we can't find the page {request.method} {request.path}")
            with state.lock:
                reply = found[0].handler(Call(state, request, viewer, found[1]))
        except HubError as error:
            reply = error.reply
        for effect in effects:
            reply = effect.after(request, reply)
        return reply, kind, name


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    listener: Listener

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away isn't worth a word; anything else is a fault of the Hub and becomes a 500 below."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body would wait for the answer to its headers, forty milliseconds each time
    server: _Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what happened is in the traffic."""

    def do_GET(self) -> None:
        listener = self.server.listener
        seen = Request(self.command, self.path, self.headers)
        effects = listener.faults.striking(seen.method, seen.path)
        limits = [effect.after_bytes for effect in effects if isinstance(effect, CutUpload)]
        body = self._body(min(limits) if limits else None)
        request = Request(self.command, self.path, self.headers, body)
        if limits:
            reply, kind, user = Reply(silent=True), "cut", "anonymous"
        else:
            try:
                reply, kind, user = listener.answer(request, effects)
            except Exception as error:  # noqa: BLE001  (a mistake in the Hub must not look like a cut connection)
                reply, kind, user = refusal(500, f"{type(error).__name__}: {error}"), "mistake", "unknown"
        sent = 0 if request.method == "HEAD" or reply.silent else len(reply.body[: reply.cut_after])
        status = 0 if reply.silent else reply.status
        # Noted before the last byte is out: a client that has its answer finds it in the traffic.
        listener.traffic.add(Exchange(kind, request.method, request.path, status, user, len(body), sent, reply.files))
        self._write(request, reply)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _body(self, limit: int | None) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks(limit)
        size = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(size if limit is None else min(size, limit))

    def _chunks(self, limit: int | None) -> bytes:
        body = b""
        while limit is None or len(body) < limit:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                break
        return body

    def _write(self, request: Request, reply: Reply) -> None:
        if reply.silent:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if request.method == "HEAD":
            return
        self.wfile.write(reply.body[: reply.cut_after])
        if reply.cut_after is not None:
            self.close_connection = True
