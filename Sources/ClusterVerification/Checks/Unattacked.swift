import Verification

/// What must hold and no attack on a cluster shows yet: a full run says so of each, with the reason.
enum Unattacked {
  static let all: [Check] = [
    ("AUD-4", "audit", "without a record nothing is done", "the recorder serves others, too: stop it by --break"),
    (
      "REL-2", "reliability", "each enforcer is stopped in turn", "what enforces serves others, too: stop it by --break"
    ),
  ].map { id, layer, title, reason in
    Check(id, layer: layer, title: title, isLong: true) { throw NotTestable("not attacked on a cluster: \(reason)") }
  }
}
