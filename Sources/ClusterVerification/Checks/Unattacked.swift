import Verification

/// What must hold and no attack on a cluster shows yet: a full run says so of each, with the reason.
enum Unattacked {
  static let all: [Check] = [
    ("SEC-5", "secrets", "an agent's data cannot be had back", "how its volume is destroyed is the storage driver's"),
    ("AUD-1", "audit", "every decision is recorded", audit), ("AUD-2", "audit", "a changed record is found", audit),
    ("AUD-3", "audit", "no secret is in the log", audit), ("AUD-4", "audit", "without a record nothing is done", audit),
    (
      "REL-2", "reliability", "each enforcer is stopped in turn", "what enforces serves others, too: stop it by --break"
    ),
  ].map { id, layer, title, reason in
    Check(id, layer: layer, title: title, isLong: true) { throw NotTestable("not attacked on a cluster: \(reason)") }
  }

  private static let audit = "the cluster's records are those of its API server, which are read elsewhere"
}
