import Verification

/// What must hold and no attack on a cluster shows yet: a full run says so of each, with the reason.
enum Unattacked {
  static let all: [Check] = [
    ("MTLS-1", "identity", "the gateway takes TLS 1.3 only", gateway),
    ("MTLS-2", "identity", "services refuse whoever has no identity for it", gateway),
    ("MTLS-3", "identity", "certificates rotate with no failed request", "the mesh's rotation takes hours"),
    ("MTLS-4", "identity", "no agent travels under another's identity", gateway),
    ("SEC-1", "secrets", "an agent reads its own secrets only", vault),
    ("SEC-2", "secrets", "a credential is never visible in the sandbox", vault),
    ("SEC-3", "secrets", "Transit encrypts, and rotates its keys", vault),
    ("SEC-4", "secrets", "nothing secret is readable at rest", "what etcd and volumes hold is not read from outside"),
    ("SEC-5", "secrets", "an agent's data cannot be had back", "how its volume is destroyed is the storage driver's"),
    ("AUD-1", "audit", "every decision is recorded", audit), ("AUD-2", "audit", "a changed record is found", audit),
    ("AUD-3", "audit", "no secret is in the log", audit), ("AUD-4", "audit", "without a record nothing is done", audit),
    (
      "REL-2", "reliability", "each enforcer is stopped in turn", "what enforces serves others, too: stop it by --break"
    ),
  ].map { id, layer, title, reason in
    Check(id, layer: layer, title: title, isLong: true) { throw NotTestable("not attacked on a cluster: \(reason)") }
  }

  private static let gateway = "the mesh is not spoken to from a probe yet"
  private static let vault = "no probe logs in to the secrets manager"
  private static let audit = "the cluster's records are those of its API server, which are read elsewhere"
}
