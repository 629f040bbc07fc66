"""What the agent reads from its environment, once, at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Every value has a default that works in a sandbox without network."""

    base_url: str = "https://api.anthropic.com"
    api_key: str = ""
    model: str = "claude-sonnet-4-5"
    workspace: str = "/workspace"
    address: str = "0.0.0.0"
    http_port: int = 8080
    chat_port: int = 8765
    # Seconds. A connection is refused or made at once; a long answer takes its time.
    connect_timeout: float = 5.0
    answer_timeout: float = 120.0
    command_timeout: float = 30.0
    # Bytes of a command's output that the model gets to see.
    output_limit: int = 64 * 1024
    # Questions to the model in one chat, each of which may run commands.
    turn_limit: int = 8

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        return cls(
            base_url=environment.get("ANTHROPIC_BASE_URL", cls.base_url).rstrip("/"),
            api_key=environment.get("ANTHROPIC_API_KEY", cls.api_key),
            model=environment.get("AGENT_MODEL", cls.model),
            workspace=environment.get("AGENT_WORKSPACE", cls.workspace),
            address=environment.get("AGENT_ADDRESS", cls.address),
            http_port=int(environment.get("AGENT_HTTP_PORT", cls.http_port)),
            chat_port=int(environment.get("AGENT_CHAT_PORT", cls.chat_port)),
        )
