import Faults
import Manifests

/// Namespaces that policies are not asked about (`spec.match` of a config.gatekeeper.sh/v1alpha1 Config).
struct Exemption: Sendable {
  private let namespaces: [Wildcard]
  /// `nil` stands for all.
  private let points: Set<EnforcementPoint>?

  static func all(in document: Manifest) throws -> [Exemption] {
    var fields = try Fields(document)
    _ = fields.take("apiVersion")
    _ = fields.take("kind")
    _ = fields.take("metadata")
    guard let spec = fields.take("spec") else { return [] }
    var specFields = try Fields(spec)
    // What is replicated into data.inventory, and how Gatekeeper shows its traces, is for clusters.
    for name in ["sync", "validation", "readiness"] { _ = specFields.take(name) }
    let exemptions = try specFields.take("match")?.list().map(Exemption.init) ?? []
    try specFields.finish()
    return exemptions
  }

  private init(_ manifest: Manifest) throws {
    var fields = try Fields(manifest)
    namespaces = try fields.require("excludedNamespaces").strings().map(Wildcard.init)
    let processes = try fields.require("processes")
    var points: Set<EnforcementPoint>? = []
    for name in try processes.strings() {
      switch name {
      case "*": points = nil
      case "webhook": points?.formUnion([.validation, .gator])
      case "audit": points?.insert(.audit)
      case "sync", "mutation-webhook": break
      default:
        throw processes.fault("'\(name)' is no process", remedy: "use *, webhook, audit, sync or mutation-webhook")
      }
    }
    self.points = points
    try fields.finish()
  }

  func covers(_ namespace: String, at point: EnforcementPoint) -> Bool {
    (points?.contains(point) ?? true) && namespaces.contains { $0.matches(namespace) }
  }
}
