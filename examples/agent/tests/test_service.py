import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from agent.service import Agent, Service
from agent.settings import Settings

from .stub_model import StubModel, text, tool

# Port 9 of loopback: nothing listens there, so a connection is refused at once.
NOBODY = "http://127.0.0.1:9"


def call(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class TheService(unittest.TestCase):
    def start(self, base_url=NOBODY, **settings):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        values = {"address": "127.0.0.1", "http_port": 0, "chat_port": 0, "workspace": directory.name}
        service = Service(Agent(Settings(base_url=base_url, api_key="key", **{**values, **settings})))
        service.start()
        self.addCleanup(service.stop)
        self.health = service.health.server_address[1]
        self.chat = service.chat.server_address[1]
        return service

    def test_is_healthy_without_a_model(self):
        self.start()
        self.assertEqual(call(self.health, "GET", "/healthz"), (200, {"status": "ok"}))
        status, answer = call(self.health, "GET", "/")
        self.assertEqual((status, answer["agent"]), (200, "example-agent"))

    def test_says_when_no_model_is_reachable(self):
        self.start()
        status, answer = call(self.chat, "POST", "/chat", {"message": "hello"})
        self.assertEqual((status, answer["error"]["code"]), (503, "model-unreachable"))
        self.assertIn(NOBODY, answer["error"]["message"])

    def test_answers_through_the_model(self):
        with StubModel([text("Good day.")]) as model:
            self.start(model.url)
            history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
            status, answer = call(self.chat, "POST", "/chat", {"message": "hello", "history": history})
        self.assertEqual(status, 200)
        self.assertEqual(answer, {"reply": "Good day.", "stopReason": "end_turn", "commands": []})
        self.assertEqual([turn["content"] for turn in model.requests[0]["messages"]], ["a", "b", "hello"])
        self.assertEqual(model.headers[0]["x-api-key"], "key")
        self.assertEqual(model.headers[0]["anthropic-version"], "2023-06-01")

    def test_runs_the_tool_that_the_model_asks_for(self):
        with StubModel([tool("echo 6 > n; cat n"), text("It is 6.")]) as model:
            self.start(model.url)
            status, answer = call(self.chat, "POST", "/chat", {"message": "count"})
        self.assertEqual((status, answer["reply"]), (200, "It is 6."))
        self.assertEqual(answer["commands"], [{"command": "echo 6 > n; cat n", "exitCode": 0}])
        result = model.requests[1]["messages"][-1]["content"][0]
        self.assertEqual((result["type"], result["tool_use_id"]), ("tool_result", "call-1"))
        self.assertEqual(result["content"], "[exit code 0]\n6\n")

    def test_tells_the_model_of_a_tool_it_does_not_have(self):
        with StubModel([tool("x", name="browser"), tool(3), tool("a\0b"), text("sorry")]) as model:
            self.start(model.url)
            status, answer = call(self.chat, "POST", "/chat", {"message": "browse"})
        self.assertEqual((status, answer["commands"]), (200, []))
        results = [request["messages"][-1]["content"][0] for request in model.requests[1:]]
        self.assertTrue(all(result["is_error"] for result in results))

    def test_stops_a_model_that_never_finishes(self):
        with StubModel([tool("true")] * 3) as model:
            self.start(model.url, turn_limit=3)
            status, answer = call(self.chat, "POST", "/chat", {"message": "loop"})
        self.assertEqual((status, answer["stopReason"], len(answer["commands"])), (200, "turn_limit", 3))

    def test_passes_on_what_the_model_api_refused(self):
        with StubModel([(401, {"error": {"message": "invalid key"}})]) as model:
            self.start(model.url)
            status, answer = call(self.chat, "POST", "/chat", {"message": "hello"})
        self.assertEqual((status, answer["error"]["code"]), (502, "model-refused"))
        self.assertIn("invalid key", answer["error"]["message"])

    def test_refuses_bad_requests(self):
        self.start()
        long = {"content-length": str(10**9)}
        cases = [
            (400, b"{"), (400, b"[]"), (400, {"message": ""}), (400, {"message": "a", "history": [1]}),
            (413, None, long),
        ]
        for status, body, *headers in cases:
            with self.subTest(body=body):
                self.assertEqual(call(self.chat, "POST", "/chat", body, *headers)[0], status)
        self.assertEqual(call(self.chat, "POST", "/other", {})[0], 404)
        self.assertEqual(call(self.health, "GET", "/other")[0], 404)


class TheProgram(unittest.TestCase):
    def test_stops_in_order_on_sigterm(self):
        ports = [_free_port(), _free_port()]
        environment = {
            **os.environ, "AGENT_ADDRESS": "127.0.0.1",
            "AGENT_HTTP_PORT": str(ports[0]), "AGENT_CHAT_PORT": str(ports[1]),
        }
        program = subprocess.Popen(
            [sys.executable, "-m", "agent"], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            self.assertIn("health on port", program.stdout.readline())
            self.assertEqual(call(ports[0], "GET", "/healthz")[0], 200)
            program.send_signal(signal.SIGTERM)
            began = time.monotonic()
            self.assertEqual(program.wait(20), 0)
            self.assertLess(time.monotonic() - began, 5)
        finally:
            program.kill()
            program.wait()
            program.stdout.close()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
