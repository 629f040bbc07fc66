"""What hvac sees of the secrets manager: mounts, policies, keys, and how often it is refused."""
import json
import sys

import hvac

address, authority, token = sys.argv[1], sys.argv[2], sys.stdin.read().strip()
client = hvac.Client(url=address, token=token, verify=authority)


def refused(ask):
    try:
        ask()
    except hvac.exceptions.Forbidden:
        return True
    return False


key = client.secrets.transit.read_key(name="agent-data")["data"]
print(json.dumps({
    "version": client.sys.read_health_status(method="GET")["version"],
    "secrets": client.read("sys/mounts/secret")["data"]["type"],
    "transit": client.read("sys/mounts/transit")["data"]["type"],
    "pki": client.read("sys/mounts/pki")["data"]["type"],
    "policies": sorted(client.sys.list_acl_policies()["data"]["keys"]),
    "policy": client.sys.read_acl_policy(name="lobstack-agent")["data"]["policy"],
    "keys": sorted(client.secrets.transit.list_keys()["data"]["keys"]),
    "type": key["type"],
    "period": key["auto_rotate_period"],
    "refused": refused(lambda: client.secrets.kv.v2.read_secret_version(
        path=sys.argv[3], mount_point="secret", raise_on_deleted_version=True)),
}))
