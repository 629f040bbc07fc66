"""The loop of an agent: ask the model, run the tools it asks for, tell it what came out, until it answers."""

from __future__ import annotations

from typing import Protocol

from . import shell
from .settings import Settings


class Model(Protocol):
    def ask(self, messages: list[dict]) -> dict: ...


def converse(message: str, history: list[dict], model: Model, settings: Settings) -> dict:
    """Returns {"reply", "stopReason", "commands": [{"command", "exitCode"}]}."""
    messages = [*history, {"role": "user", "content": message}]
    commands: list[dict] = []
    for _ in range(settings.turn_limit):
        answer = model.ask(messages)
        content = [block for block in answer["content"] if isinstance(block, dict)]
        calls = [block for block in content if block.get("type") == "tool_use"]
        if not calls:
            return {"reply": _text(content), "stopReason": answer.get("stop_reason"), "commands": commands}
        messages.append({"role": "assistant", "content": content})
        messages.append({"role": "user", "content": [_run(call, commands, settings) for call in calls]})
    reply = f"Stopped after {settings.turn_limit} turns without a final answer."
    return {"reply": reply, "stopReason": "turn_limit", "commands": commands}


def _run(call: dict, commands: list[dict], settings: Settings) -> dict:
    result = {"type": "tool_result", "tool_use_id": call.get("id")}
    arguments = call.get("input")
    command = arguments.get("command") if isinstance(arguments, dict) else None
    if call.get("name") != shell.TOOL["name"] or not isinstance(command, str):
        return {**result, "is_error": True, "content": "the only tool is 'shell', with a string 'command'"}
    try:
        outcome = shell.run(command, settings)
    except (OSError, ValueError) as error:
        return {**result, "is_error": True, "content": f"cannot run the command: {error}"}
    commands.append({"command": command, "exitCode": outcome.exit_code})
    return {**result, "is_error": outcome.exit_code != 0, "content": str(outcome)}


def _text(content: list[dict]) -> str:
    return "\n".join(str(block.get("text", "")) for block in content if block.get("type") == "text")
