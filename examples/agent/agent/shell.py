"""The tool 'shell': runs one command in the workspace, within limits of time and output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass

from .settings import Settings

TOOL = {
    "name": "shell",
    "description": "Runs a command with /bin/sh in the workspace and returns its exit code and output.",
    "input_schema": {
        "type": "object",
        "properties": {"command": {"type": "string", "description": "The command line."}},
        "required": ["command"],
    },
}


@dataclass(frozen=True)
class ShellResult:
    # 128 + signal when a signal ended the shell.
    exit_code: int
    output: str
    truncated: bool
    timed_out: bool

    def __str__(self) -> str:
        notes = [f"exit code {self.exit_code}"]
        if self.timed_out:
            notes.append("killed at the time limit")
        if self.truncated:
            notes.append("output cut at its limit")
        return f"[{', '.join(notes)}]\n{self.output}"


def run(command: str, settings: Settings) -> ShellResult:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=settings.workspace,
        # The API key stays out of what the model's commands can read from their own environment.
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": settings.workspace, "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Its own process group, so that the limit also ends what the command put in the background.
        start_new_session=True,
    )
    try:
        output, truncated, timed_out = _read(process, settings)
    finally:
        _kill_group(process)
        code = process.wait()
        process.stdout.close()
    return ShellResult(code if code >= 0 else 128 - code, output.decode(errors="replace"), truncated, timed_out)


def _read(process: subprocess.Popen, settings: Settings) -> tuple[bytes, bool, bool]:
    """Reads until the shell ends or its time is up; past the limit output is read and thrown away."""
    output = bytearray()
    truncated = False
    deadline = time.monotonic() + settings.command_timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(timeout=0.05):
                piece = os.read(process.stdout.fileno(), 65536)
                room = settings.output_limit - len(output)
                truncated = truncated or len(piece) > room
                output += piece[:room]
                if piece:
                    continue
                # Standard output is closed, but the shell may live on: wait for it within the same deadline.
                selector.unregister(process.stdout)
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    break
            if process.poll() is not None:
                return bytes(output), truncated, False
    return bytes(output), truncated, True


def _kill_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # The whole group has ended by itself.
