"""Client of a model API that speaks Anthropic's Messages API (POST /v1/messages)."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from .settings import Settings

ANSWER_LIMIT = 4 * 1024 * 1024
SYSTEM_PROMPT = (
    "You are an agent in a sandbox. You can run shell commands in your workspace with the tool 'shell'. "
    "There may be no network. Answer briefly."
)


class ModelUnreachable(Exception):
    """No model API answers at the base URL."""


class ModelRefused(Exception):
    """The model API answered, but not with a message."""


class ModelClient:
    def __init__(self, settings: Settings, tools: list[dict]):
        self._settings = settings
        self._tools = tools

    def ask(self, messages: list[dict]) -> dict:
        """Sends the conversation and returns the model's message: {"content": [...], "stop_reason": ...}."""
        body = json.dumps(
            {
                "model": self._settings.model,
                "max_tokens": 2048,
                "system": SYSTEM_PROMPT,
                "tools": self._tools,
                "messages": messages,
            }
        ).encode()
        status, answer = self._post("/v1/messages", body)
        if status != 200:
            raise ModelRefused(f"the model API answered with status {status}: {_error_message(answer)}")
        try:
            message = json.loads(answer)
        except ValueError as error:
            raise ModelRefused(f"the model API's answer is not JSON: {error}") from error
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            raise ModelRefused("the model API's answer holds no list 'content'")
        return message

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        url = urlsplit(self._settings.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ModelUnreachable(f"ANTHROPIC_BASE_URL is not an http or https URL: {self._settings.base_url!r}")
        connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = None
        try:
            connection = connect(url.hostname, url.port, timeout=self._settings.connect_timeout)
            connection.connect()
            connection.sock.settimeout(self._settings.answer_timeout)
            connection.request("POST", url.path + path, body, self._headers())
            response = connection.getresponse()
            answer = response.read(ANSWER_LIMIT + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ModelUnreachable(f"no model API answers at {self._settings.base_url}: {error}") from error
        finally:
            if connection:
                connection.close()
        if len(answer) > ANSWER_LIMIT:
            raise ModelRefused(f"the model API's answer is longer than {ANSWER_LIMIT} bytes")
        return response.status, answer

    def _headers(self) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "anthropic-version": "2023-06-01",
            "x-api-key": self._settings.api_key,
        }


def _error_message(answer: bytes) -> str:
    """The API's own words, {"error": {"message": ...}}, or the beginning of whatever else came."""
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return answer[:200].decode(errors="replace")
