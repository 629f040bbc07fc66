"""Stops a sandbox while a process of its platform is stopped or gone; with `kill` it ends it for good."""

import glob, os, signal, sys, time

layout, pid_file, how = sys.argv[1:]
names = ["gateway", "proxy", "sentinel", "node", "control-plane", "vault"]


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def is_whole():
    for name in names:
        try:
            with open(f"{layout}/run/{name}.pid") as file:
                if (state(file.read().strip()) or "Z") in "TZ":
                    return False
        except OSError:
            return False
    return True


end = time.time() + 10
while not os.path.exists(pid_file) and time.time() < end:
    time.sleep(0.05)
sandbox = int(open(pid_file).read())
while state(sandbox):
    if how == "kill" and not is_whole():
        os.kill(sandbox, signal.SIGKILL)
        break
    if how == "stop":
        os.kill(sandbox, signal.SIGCONT if is_whole() else signal.SIGSTOP)
    time.sleep(0.05)
