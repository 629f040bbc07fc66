#!/usr/bin/env python3
"""Checks each room as the release compiles it, as a whole: scripts/whole-modules.py, after scripts/build debug.

The debug build compiles files apart, and lets pass what a file uses without importing it if no other file of its room does
either; the release then does not compile. This looks at the same code with the debug build's modules, without building it.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DROPPED = {
    "-c", "-emit-dependencies", "-emit-module", "-emit-objc-header", "-enable-batch-mode", "-g", "-incremental",
    "-parseable-output", "-serialize-diagnostics",
}
DROPPED_WITH_VALUE = {"-emit-module-path", "-emit-objc-header-path", "-index-store-path", "-output-file-map"}


def command(room, plan):
    """How SwiftPM compiles the room, without what it writes."""
    found = re.search(r'\n  "C\.' + re.escape(room) + r'-[^"]*\.module":\n.*?\n    args: (\[[^\n]*\])\n', plan, re.S)
    if found is None:
        sys.exit(f"whole-modules: SwiftPM's plan has no room {room}: run scripts/build debug")
    arguments = iter(json.loads(found[1]))
    kept = [next(arguments), "-typecheck", "-whole-module-optimization"]
    for argument in arguments:
        if argument == "-Xcc":
            kept += [argument, next(arguments)]
        elif argument in DROPPED_WITH_VALUE:
            next(arguments)
        elif argument not in DROPPED and not re.fullmatch(r"-j\d+", argument):
            kept.append(argument)
    return kept


def check(room, plan):
    done = subprocess.run(command(room, plan), cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main():
    plan = (ROOT / ".build/debug.yaml").read_text()
    rooms = sorted(path.name for path in (ROOT / "Sources").iterdir() if any(path.rglob("*.swift")))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(lambda room: check(room, plan), rooms) if fault]
    print("\n".join(faults), file=sys.stderr, end="")
    if faults:
        sys.exit(f"whole-modules: {len(faults)} of {len(rooms)} rooms do not compile as a whole: import what they use")
    print(f"whole-modules: {len(rooms)} rooms compile as a whole")


main()
