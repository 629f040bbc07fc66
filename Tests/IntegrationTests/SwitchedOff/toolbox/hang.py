"""Ends a sandbox when a process of its platform ends or stands still."""

import glob, os, signal, sys, time

layout, pid_file = sys.argv[1:]


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return fields[0], fields[19]
    except OSError:
        return None


def components():
    pids = [open(path).read().strip() for path in glob.glob(f"{layout}/run/*.pid")]
    return {pid: found for pid in pids if (found := state(pid)) and found[0] not in "TZ"}


end = time.time() + 10
while not os.path.exists(pid_file) and time.time() < end:
    time.sleep(0.05)
sandbox = int(open(pid_file).read())
# One that is started in the middle of an outage lives until the next.
time.sleep(2)
watched = components()
while state(sandbox):
    for pid, (_, start) in watched.items():
        now = state(pid)
        if not now or now[1] != start or now[0] in "TZ":
            os.kill(sandbox, signal.SIGKILL)
            sys.exit()
    time.sleep(0.05)
