"""Starts the agent and stops it, in order, on SIGTERM or SIGINT."""

import signal
import threading

from .service import Agent, Service
from .settings import Settings


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = Settings.from_environment()
    service = Service(Agent(settings))
    service.start()
    print(f"example agent: health on port {settings.http_port}, chat on port {settings.chat_port}", flush=True)
    stop.wait()
    print("example agent: stopping", flush=True)
    service.stop()


if __name__ == "__main__":
    main()
