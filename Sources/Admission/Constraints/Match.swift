import Faults
import Manifests
import Rego

/// What a constraint is about (`spec.match`): every field that is there has to match.
struct Match: Sendable {
  private struct Kinds: Sendable {
    var groups: [String]
    var kinds: [String]

    func matches(_ kind: GroupVersionKind) -> Bool {
      (groups.isEmpty || groups.contains { $0 == "*" || $0 == kind.group })
        && (kinds.isEmpty || kinds.contains { $0 == "*" || $0 == kind.kind })
    }
  }

  private enum Scope: String {
    case all = "*"
    case cluster = "Cluster"
    case namespaced = "Namespaced"
  }

  private var kinds: [Kinds] = []
  private var scope = Scope.all
  private var namespaces: [Wildcard] = []
  private var excludedNamespaces: [Wildcard] = []
  private var labels: LabelRequirements?
  private var namespaceLabels: LabelRequirements?
  private var name: Wildcard?
  /// Whether it is about what people and programs ask for; else it is about what expansion makes of it.
  private var isForOriginals = true

  init() {}

  init(_ manifest: Manifest) throws {
    var fields = try Fields(manifest)
    kinds = try fields.take("kinds")?.list().map(Self.kinds) ?? []
    if let field = fields.take("scope") {
      guard let scope = Scope(rawValue: try field.string()) else {
        throw field.fault("'\(try field.string())' is no scope", remedy: "use Cluster, Namespaced or *")
      }
      self.scope = scope
    }
    namespaces = try fields.take("namespaces")?.strings().map(Wildcard.init) ?? []
    excludedNamespaces = try fields.take("excludedNamespaces")?.strings().map(Wildcard.init) ?? []
    labels = try fields.take("labelSelector").map(LabelRequirements.init)
    namespaceLabels = try fields.take("namespaceSelector").map(LabelRequirements.init)
    if let text = try fields.take("name")?.string(), !text.isEmpty { name = Wildcard(text) }
    if let field = fields.take("source") {
      let source = try field.string()
      guard ["All", "Original", "Generated"].contains(source) else {
        throw field.fault("'\(source)' is no source", remedy: "use All, Original or Generated")
      }
      isForOriginals = source != "Generated"
    }
    try fields.finish()
  }

  private static func kinds(_ manifest: Manifest) throws -> Kinds {
    var fields = try Fields(manifest)
    let kinds = Kinds(
      groups: try fields.take("apiGroups")?.strings() ?? [], kinds: try fields.take("kinds")?.strings() ?? [])
    try fields.finish()
    return kinds
  }

  /// - Parameter namespace: the namespace by name; `nil` when it is not known.
  /// - Throws: `Fault(.notFound)` when the labels of a namespace are asked for that is not known.
  func matches(_ review: Review, namespace: (String) -> Value?) throws -> Bool {
    guard isForOriginals else { return false }
    let objects = [review.object, review.oldObject].compactMap { $0 }
    guard !objects.isEmpty else { return try matches(.null, review, namespace) }
    for object in objects where try matches(object, review, namespace) { return true }
    return false
  }

  private func matches(_ object: Value, _ review: Review, _ namespace: (String) -> Value?) throws -> Bool {
    let isNamespace = review.kind.group.isEmpty && review.kind.kind == "Namespace"
    let ownName = object["metadata", "name"]?.text ?? review.name
    // A Namespace stands for itself.
    let namespaceName = isNamespace ? ownName : object["metadata", "namespace"]?.text ?? review.namespace
    let isClusterScoped = isNamespace || namespaceName.isEmpty

    guard kinds.isEmpty || kinds.contains(where: { $0.matches(review.kind) }) else { return false }
    switch scope {
    case .all: break
    case .cluster: guard isClusterScoped else { return false }
    case .namespaced: guard !isClusterScoped else { return false }
    }
    if !namespaceName.isEmpty {
      guard namespaces.isEmpty || namespaces.contains(where: { $0.matches(namespaceName) }) else { return false }
      guard !excludedNamespaces.contains(where: { $0.matches(namespaceName) }) else { return false }
    }
    if let labels { guard labels.match(object["metadata", "labels"]?.stringMap ?? [:]) else { return false } }
    if let namespaceLabels {
      if isNamespace {
        guard namespaceLabels.match(object["metadata", "labels"]?.stringMap ?? [:]) else { return false }
      } else if !namespaceName.isEmpty {
        guard let namespace = namespace(namespaceName) else {
          throw Fault(
            .notFound, operation: "match a namespaceSelector", reason: "the Namespace \(namespaceName) is not known",
            remedy: "give the Namespace with the object")
        }
        guard namespaceLabels.match(namespace["metadata", "labels"]?.stringMap ?? [:]) else { return false }
      }
    }
    if let name {
      let generated = object["metadata", "generateName"]?.text
      guard name.matches(ownName) || generated.map(name.matches) ?? false else { return false }
    }
    return true
  }
}
