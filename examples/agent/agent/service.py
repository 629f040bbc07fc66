"""The agent's two HTTP services: health on one port, chat on the other."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import shell
from .conversation import converse
from .model import ModelClient, ModelRefused, ModelUnreachable
from .settings import Settings

BODY_LIMIT = 256 * 1024
CHATS_AT_ONCE = 4
# Seconds that a stopping agent leaves to the chats under way.
DRAIN_SECONDS = 8


class Refusal(Exception):
    """An answer that is an error, with its HTTP status and a code for programs."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code


class Agent:
    """What both services share."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.model = ModelClient(settings, [shell.TOOL])
        self.started = time.monotonic()
        self.stopping = threading.Event()
        self._places = threading.BoundedSemaphore(CHATS_AT_ONCE)

    def health(self) -> dict:
        if self.stopping.is_set():
            raise Refusal(503, "stopping", "the agent is stopping")
        return {"status": "ok"}

    def describe(self) -> dict:
        return {
            "agent": "example-agent",
            "uptimeSeconds": round(time.monotonic() - self.started, 1),
            "model": self.settings.model,
            "modelApi": self.settings.base_url,
            "chat": f"POST /chat on port {self.settings.chat_port}",
        }

    def chat(self, request: object) -> dict:
        message, history = _parse(request)
        if self.stopping.is_set():
            raise Refusal(503, "stopping", "the agent is stopping")
        if not self._places.acquire(blocking=False):
            raise Refusal(429, "busy", f"{CHATS_AT_ONCE} chats are under way; try again later")
        try:
            return converse(message, history, self.model, self.settings)
        except ModelUnreachable as error:
            raise Refusal(503, "model-unreachable", f"{error}; set ANTHROPIC_BASE_URL to a model API") from error
        except ModelRefused as error:
            raise Refusal(502, "model-refused", str(error)) from error
        finally:
            self._places.release()

    def drain(self) -> None:
        """Waits until no chat is under way, but no longer than `DRAIN_SECONDS`."""
        deadline = time.monotonic() + DRAIN_SECONDS
        for _ in range(CHATS_AT_ONCE):
            self._places.acquire(timeout=max(0.0, deadline - time.monotonic()))


def _parse(request: object) -> tuple[str, list[dict]]:
    if not isinstance(request, dict) or not isinstance(request.get("message"), str) or not request["message"]:
        raise Refusal(400, "bad-request", 'send {"message": "…"}')
    history = request.get("history", [])
    well_formed = isinstance(history, list) and all(
        isinstance(turn, dict) and turn.get("role") in ("user", "assistant") and isinstance(turn.get("content"), str)
        for turn in history
    )
    if not well_formed:
        raise Refusal(400, "bad-request", "'history' is a list of {role: user|assistant, content: text}")
    return request["message"], history


class _Handler(BaseHTTPRequestHandler):
    """Decodes, calls, encodes. Subclasses say which paths there are."""

    agent: Agent
    server_version = "example-agent"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    # Seconds that a peer may take to send its request.
    timeout = 15

    def do_GET(self) -> None:
        self._answer(lambda: self.get(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        self._answer(lambda: self.post(self.path.partition("?")[0], self._body()))

    def get(self, path: str) -> dict:
        raise Refusal(404, "not-found", f"no GET {path} here")

    def post(self, path: str, body: object) -> dict:
        raise Refusal(404, "not-found", f"no POST {path} here")

    def _body(self) -> object:
        try:
            length = int(self.headers.get("content-length", ""))
        except ValueError:
            raise Refusal(411, "length-required", "send a content-length") from None
        if not 0 <= length <= BODY_LIMIT:
            raise Refusal(413, "too-large", f"send at most {BODY_LIMIT} bytes")
        try:
            return json.loads(self.rfile.read(length))
        except ValueError as error:
            raise Refusal(400, "bad-request", f"the body is not JSON: {error}") from error

    def _answer(self, work) -> None:
        status = 200
        try:
            answer = work()
        except Refusal as refusal:
            status, answer = refusal.status, {"error": {"code": refusal.code, "message": str(refusal)}}
            # The body may be unread; on a kept connection it would be taken for the next request.
            self.close_connection = True
        data = json.dumps(answer).encode() + b"\n"
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code="-", size="-") -> None:
        if self.path != "/healthz":
            print(json.dumps({"method": self.command, "path": self.path, "status": int(code)}), flush=True)


class HealthHandler(_Handler):
    def get(self, path: str) -> dict:
        answers = {"/healthz": self.agent.health, "/": self.agent.describe}
        return answers[path]() if path in answers else super().get(path)


class ChatHandler(_Handler):
    def post(self, path: str, body: object) -> dict:
        return self.agent.chat(body) if path == "/chat" else super().post(path, body)


class Service:
    """Both servers, each on its own thread; `stop` ends them in order."""

    def __init__(self, agent: Agent):
        self.agent = agent
        settings = agent.settings
        self.health = _server(settings.address, settings.http_port, HealthHandler, agent)
        self.chat = _server(settings.address, settings.chat_port, ChatHandler, agent)
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
            for server in (self.health, self.chat)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.agent.stopping.set()
        self.chat.shutdown()
        self.agent.drain()
        self.health.shutdown()
        for server in (self.chat, self.health):
            server.server_close()


def _server(address: str, port: int, handler: type[_Handler], agent: Agent) -> ThreadingHTTPServer:
    bound = type(handler.__name__, (handler,), {"agent": agent})
    server = ThreadingHTTPServer((address, port), bound)
    server.daemon_threads = True
    return server
