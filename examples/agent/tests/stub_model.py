"""A model API on a real socket that plays back the messages it was given and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StubModel:
    def __init__(self, answers: list[tuple[int, dict]]):
        self.requests: list[dict] = []
        self.headers: list[dict[str, str]] = []
        remaining = list(answers)
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.headers.append({name.lower(): value for name, value in self.headers.items()})
                stub.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                status, answer = remaining.pop(0) if self.path == "/v1/messages" else (404, {})
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StubModel:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


def text(words: str) -> tuple[int, dict]:
    return 200, {"role": "assistant", "stop_reason": "end_turn", "content": [{"type": "text", "text": words}]}


def tool(command: object, name: str = "shell") -> tuple[int, dict]:
    call = {"type": "tool_use", "id": "call-1", "name": name, "input": {"command": command}}
    return 200, {"role": "assistant", "stop_reason": "tool_use", "content": [call]}
