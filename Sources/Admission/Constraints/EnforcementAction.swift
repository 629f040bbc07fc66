import Faults
import Manifests

/// What follows a violation (open-policy-agent.github.io/gatekeeper, "Enforcement actions").
package enum EnforcementAction: String, Sendable, Hashable, CaseIterable, Comparable, Codable {
  /// Nothing is created; audit counts it.
  case deny
  /// It is created, and the violation told to whoever creates it.
  case warn
  /// It is created, and audit counts it.
  case dryrun

  package static func < (left: EnforcementAction, right: EnforcementAction) -> Bool { left.weight < right.weight }

  private var weight: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Where constraints are asked.
package enum EnforcementPoint: String, Sendable, Hashable {
  /// Before something is created or changed.
  case validation = "validation.gatekeeper.sh"
  /// About what exists.
  case audit = "audit.gatekeeper.sh"
  /// On the command line, before anything is sent anywhere.
  case gator = "gator.gatekeeper.sh"
}

/// The actions of a constraint, which may differ from point to point.
struct Enforcement: Sendable {
  private struct Entry {
    var action: EnforcementAction
    /// `nil` stands for all.
    var points: Set<String>?
  }

  private let entries: [Entry]

  /// Deny everywhere.
  init() { self.init([Entry(action: .deny)]) }

  private init(_ entries: [Entry]) { self.entries = entries }

  /// From `enforcementAction` and `scopedEnforcementActions`.
  init(_ spec: inout Fields) throws {
    let scoped = spec.take("scopedEnforcementActions")
    guard let action = spec.take("enforcementAction") else {
      if let scoped { throw Self.misplaced(scoped) }
      self.init()
      return
    }
    let name = try action.string()
    if name == "scoped" {
      guard let list = try scoped?.list(), !list.isEmpty else {
        throw action.fault(
          "the action is scoped, and scopedEnforcementActions names none", remedy: "add the actions with their points")
      }
      self.init(try list.map(Self.entry))
      return
    }
    guard let known = EnforcementAction(rawValue: name) else {
      throw action.fault("'\(name)' is no enforcement action", remedy: "use deny, warn, dryrun or scoped")
    }
    if let scoped { throw Self.misplaced(scoped) }
    self.init([Entry(action: known)])
  }

  private static func misplaced(_ scoped: Manifest) -> Fault {
    scoped.fault(
      "scopedEnforcementActions counts only beside 'enforcementAction: scoped'",
      remedy: "write that, or leave it out")
  }

  private static func entry(_ manifest: Manifest) throws -> Entry {
    var fields = try Fields(manifest)
    let name = try fields.require("action")
    guard let action = EnforcementAction(rawValue: try name.string()) else {
      throw name.fault("'\(try name.string())' is no action of a scope", remedy: "use deny, warn or dryrun")
    }
    let points = try fields.require("enforcementPoints").list().map { point in
      var fields = try Fields(point)
      let name = try fields.require("name").string()
      try fields.finish()
      return name
    }
    try fields.finish()
    return Entry(action: action, points: points.contains("*") ? nil : Set(points))
  }

  /// - Returns: those that hold at a point; none when it is not asked there.
  func actions(at point: EnforcementPoint) -> Set<EnforcementAction> {
    Set(entries.filter { $0.points?.contains(point.rawValue) ?? true }.map(\.action))
  }
}
