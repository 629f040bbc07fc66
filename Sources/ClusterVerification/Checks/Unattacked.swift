import Verification

/// What must hold and no attack on a cluster shows yet: a full run says so of each, with the reason.
enum Unattacked {
  static let all: [Check] = [
    (
      "ISO-4", "isolation", "limits of memory, CPU and processes hold",
      "a probe that takes all of a node may harm others"
    ),
    ("ISO-6", "isolation", "nothing of another agent is reached", inside),
    ("NET-7", "network", "packets with another's address are dropped", "no probe has a raw socket"),
    ("SEC-5", "secrets", "an agent's data cannot be had back", "how its volume is destroyed is the storage driver's"),
    ("DET-8", "detection", "dropped events are an alert", inside),
    ("DET-9", "detection", "a response follows", inside),
    ("AUD-1", "audit", "every decision is recorded", audit), ("AUD-2", "audit", "a changed record is found", audit),
    ("AUD-3", "audit", "no secret is in the log", audit), ("AUD-4", "audit", "without a record nothing is done", audit),
    ("REL-2", "reliability", "each enforcer is stopped in turn", "verify stops no component that serves others"),
  ].map { id, layer, title, reason in
    Check(id, layer: layer, title: title, isLong: true) { throw NotTestable("not attacked on a cluster: \(reason)") }
  }

  private static let inside = "the probe has no attack for it yet"
  private static let audit = "the cluster's records are those of its API server, which are read elsewhere"
}
