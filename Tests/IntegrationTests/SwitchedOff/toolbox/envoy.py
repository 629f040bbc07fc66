"""setpriv … envoy -c BOOTSTRAP … with what is switched off left out of its configuration, now and at each change."""

import glob, json, os, signal, sys, time

here = os.path.dirname(os.path.abspath(__file__))
words = sys.argv[1:]
place = words.index("-c") + 1
bootstrap = words[place]
directory = os.path.dirname(bootstrap) + "/config"
loose = os.path.dirname(bootstrap) + "/loose"


def off(name):
    return os.path.exists(f"{here}/off/{name}")


def visit(value, body):
    if isinstance(value, dict):
        body(value)
        for child in value.values():
            visit(child, body)
    elif isinstance(value, list):
        for child in value:
            visit(child, body)


def loosen(node):
    filters = node.get("http_filters")
    if isinstance(filters, list):
        left_out = [word for word, name in (("ExtAuthz", "gateway-login"), ("RBAC", "mesh")) if off(name)]
        node["http_filters"] = [f for f in filters if not any(w in json.dumps(f) for w in left_out)]
    if off("tls-version") and "tls_params" in node:
        node["tls_params"]["tls_minimum_protocol_version"] = "TLSv1_0"
    if off("mesh") and "require_client_certificate" in node:
        node["require_client_certificate"] = False
        for context in node["common_tls_context"].values():
            if isinstance(context, dict) and "default_validation_context" in context:
                context["default_validation_context"] = {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
    if off("identity") and "transport_socket_matcher" in node:
        choices = node["transport_socket_matcher"].get("matcher_tree", {}).get("exact_match_map", {}).get("map", {})
        for address in choices:
            choices[address] = choices[min(choices)]
    if off("egress") and node.get("name") == "egress_tls" and len(node.get("filter_chains", [])) > 1:
        chains = [c["name"] for c in node["filter_chains"]]
        matchers = node["filter_chain_matcher"]["matcher_tree"]["exact_match_map"]["map"]
        any_chain = json.loads(json.dumps(matchers["0.0.0.0"]).replace("closed", chains[1]))
        for address in matchers:
            matchers[address] = any_chain


def write(source, target):
    with open(source) as file:
        text = file.read()
    if "/sds/" not in source:
        text = text.replace(f'"{directory}/', f'"{loose}/')
        tree = json.loads(text)
        visit(tree, loosen)
        text = json.dumps(tree)
    os.makedirs(os.path.dirname(target), mode=0o750, exist_ok=True)
    os.chown(os.path.dirname(target), 0, os.stat(source).st_gid)
    with open(target + ".new", "w") as file:
        os.fchmod(file.fileno(), 0o644 if target.endswith("bootstrap.json") else 0o640)
        os.fchown(file.fileno(), 0, os.stat(source).st_gid)
        file.write(text)
    os.rename(target + ".new", target)


def files():
    return {p: os.stat(p).st_ino for kind in ("sds", "rds", "cds", "lds") for p in glob.glob(f"{directory}/{kind}/*")}


def follow(envoy):
    seen = {}
    while os.path.exists(f"/proc/{envoy}"):
        for path, inode in files().items():
            if seen.get(path) == inode:
                continue
            write(path, path.replace(directory, loose))
            if path in seen and "/sds/identity" in path and off("renewal"):
                # A proxy that has to be started again for a new certificate.
                os.kill(envoy, signal.SIGKILL)
            seen[path] = inode
        time.sleep(0.03)


os.makedirs(loose, mode=0o755, exist_ok=True)
for path in files():
    write(path, path.replace(directory, loose))
write(bootstrap, f"{loose}/bootstrap.json")
os.chmod(loose, 0o755)
envoy = os.getpid()
if os.fork() == 0:
    os.setsid()
    try:
        follow(envoy)
    except Exception as error:
        sys.stderr.write(f"envoy.py: {error!r}\n")
    os._exit(0)
words[place] = f"{loose}/bootstrap.json"
os.execv("/usr/bin/setpriv", ["setpriv"] + words)
