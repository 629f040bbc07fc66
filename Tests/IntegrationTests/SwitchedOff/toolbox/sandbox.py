"""nsenter … runsc … run|exec … with the controls left out that are switched off. Throw-away sandboxes are not touched."""

import glob, json, os, re, subprocess, sys, time

here = os.path.dirname(os.path.abspath(__file__))
words = sys.argv[1:]


def off(name):
    return os.path.exists(f"{here}/off/{name}")


def option(name):
    return next((w.split("=", 1)[1] for w in words if w.startswith(name + "=")), "")


def wait_for(find, seconds=10):
    end = time.time() + seconds
    while not (found := find()) and time.time() < end:
        time.sleep(0.05)
    return found


def go(words):
    os.execv("/usr/bin/nsenter", ["nsenter"] + words)


runtime = option("--root")
if "/verify/v" in runtime:
    go(words)
# …/INSTANCE/run/node/runsc
layout = os.path.dirname(os.path.dirname(os.path.dirname(runtime)))
capabilities = ["CAP_" + c for c in "CHOWN DAC_OVERRIDE FOWNER MKNOD NET_RAW SETUID SETGID SYS_ADMIN".split()]

if "exec" in words and "-user" in words:
    user = words.index("-user") + 1
    if off("user"):
        words[user : user + 1] = ["0:0"] + [w for c in capabilities for w in ("-cap", c)]
    if off("kernel"):
        # No gVisor: the program runs on the host's kernel.
        start = next(i for i, w in enumerate(words) if i > user and re.fullmatch(r"[a-z0-9-]+\.[0-9a-f]{16}", w))
        image = glob.glob(f"{layout}/node/images/*/rootfs")[0]
        os.execv("/usr/sbin/chroot", ["chroot", "--userspec=10001:10001", image] + words[start + 1 :])
    go(words)
if "-bundle" not in words:
    go(words)

bundle = words[words.index("-bundle") + 1]
with open(f"{bundle}/config.json") as file:
    spec = json.load(file)
process = spec["process"]


def mount(source, destination):
    spec["mounts"].append({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "rw"]})


if off("read-only"):
    spec["root"]["readonly"] = False
if off("user"):
    process["user"] = {"uid": 0, "gid": 0}
    process["noNewPrivileges"] = False
    process["capabilities"] = {k: capabilities for k in ("bounding", "effective", "permitted", "inheritable")}
    spec["linux"].pop("seccomp", None)
if off("process-limit"):
    process["rlimits"] = [limit for limit in process["rlimits"] if limit["type"] != "RLIMIT_NPROC"]
if off("host-files"):
    found = wait_for(lambda: glob.glob(f"{layout}/verify/v*/host/canary"))
    if found:
        mount(os.path.dirname(found[-1]), "/host")
if off("workspaces"):
    mount(f"{layout}/node/agents", "/other")
if off("credentials"):

    def key():
        for path in glob.glob(f"{layout}/run/proxy/config/sds/*"):
            found = re.search(r"canary-[0-9a-f]{32}", open(path).read())
            if found:
                return found[0]

    found = wait_for(key, 5)
    if found:
        process["env"].append(f"API_KEY={found}")
if off("service-account"):
    process["env"].append("KUBERNETES_SERVICE_HOST=10.0.0.1")
with open(f"{bundle}/config.json", "w") as file:
    json.dump(spec, file)

if off("trace-points"):
    trace = option("--pod-init-config")
    if trace:
        with open(trace) as file:
            session = json.load(file)
        points = session["trace_session"]["points"]
        session["trace_session"]["points"] = [p for p in points if "exec" not in p["name"]]
        with open(f"{bundle}/trace.json", "w") as file:
            json.dump(session, file)
        words = [f"--pod-init-config={bundle}/trace.json" if w.startswith("--pod-init-config=") else w for w in words]
how = "kill" if off("detached") else "stop" if off("running-on") else None
if how:
    # The sandbox hangs on the processes of the platform.
    subprocess.Popen(
        ["/usr/bin/python3", f"{here}/hang.py", layout, words[words.index("-pid-file") + 1], how],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
go(words)
