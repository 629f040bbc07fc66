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
  /// Before something is created or changed, and when somebody asks what would be.
  case validation = "validation.gatekeeper.sh"
  /// About what exists.
  case audit = "audit.gatekeeper.sh"
  /// In suites of tests.
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

  /// Those of Gatekeeper; what is asked here is an `EnforcementPoint`.
  private static let points = [
    "*", EnforcementPoint.validation.rawValue, EnforcementPoint.audit.rawValue, EnforcementPoint.gator.rawValue,
    "vap.k8s.io",
  ]

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
    let list = try fields.require("enforcementPoints")
    let points = try list.list().map { point in
      var fields = try Fields(point)
      let field = try fields.require("name")
      let name = try field.string()
      try fields.finish()
      guard Self.points.contains(name) else {
        throw field.fault(
          "'\(name)' is no enforcement point", remedy: "use one of \(Self.points.joined(separator: ", "))")
      }
      return name
    }
    guard !points.isEmpty else {
      throw list.fault("the action has no enforcement point", remedy: "name one, or * for all")
    }
    try fields.finish()
    return Entry(action: action, points: points.contains("*") ? nil : Set(points))
  }

  /// - Returns: those that hold at a point; none when it is not asked there.
  func actions(at point: EnforcementPoint) -> Set<EnforcementAction> {
    Set(entries.filter { $0.points?.contains(point.rawValue) ?? true }.map(\.action))
  }
}
