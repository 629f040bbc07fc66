import Blueprint
import Foundation
import KubernetesRendering
import Manifests

/// One object of a rendering, read back from its text as a cluster reads it.
struct RenderedObject: CustomStringConvertible {
  let file: String
  let isApplied: Bool
  let body: Manifest

  var apiVersion: String { body["apiVersion"]?.text ?? "" }
  var kind: String { body["kind"]?.text ?? "" }
  var name: String { body["metadata"]?["name"]?.text ?? "" }
  var namespace: String? { body["metadata"]?["namespace"]?.text }
  var labels: [String: String] { body["metadata"]?["labels"]?.texts ?? [:] }
  var spec: Manifest? { body["spec"] }

  /// Of what runs Pods.
  var podTemplate: Manifest? {
    switch kind {
    case "Deployment", "StatefulSet", "DaemonSet", "Job": spec?["template"]
    case "CronJob": spec?["jobTemplate"]?["spec"]?["template"]
    case "Pod": body
    default: nil
    }
  }

  var containers: [Manifest] {
    ["initContainers", "containers"].flatMap { podTemplate?["spec"]?[$0]?.items ?? [] }
  }

  var description: String { "\(file): \(kind) \(namespace.map { "\($0)/" } ?? "")\(name)" }
}

/// A rendering of the project's own policy.
struct Rendering {
  let manifests: PlatformManifests
  let objects: [RenderedObject]

  static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "policy").path

  static let profiles: [Values.Profile] = [.full, .lean]

  init(_ values: Values = Values()) throws {
    manifests = try PlatformManifests(
      values: values, texts: try Self.policy.get().texts, rules: try Self.policy.get().rules, agentIngress: .example)
    objects = try manifests.files.flatMap { file in
      guard file.path.hasSuffix(".yaml"), !file.path.hasPrefix("helm/"), !file.path.hasPrefix("nodes/"),
        // Rules of Falco in a ConfigMap: their text has what looks like an alias of YAML, which our reader refuses.
        !file.path.hasPrefix("detection/")
      else {
        return [RenderedObject]()
      }
      return try Manifest.parse(try file.text(), source: file.path).map {
        RenderedObject(file: file.path, isApplied: file.isApplied, body: $0)
      }
    }
  }

  init(_ profile: Values.Profile) throws {
    var values = Values()
    values.profile = profile
    try self.init(values)
  }

  /// With the default values; made once.
  static func standard(_ profile: Values.Profile = .full) throws -> Rendering {
    try (profile == .full ? full : lean).get()
  }

  private static let full = Result { try Rendering(.full) }
  private static let lean = Result { try Rendering(.lean) }

  init(yaml: String) throws { try self.init(try Values(yaml, source: "values")) }

  func text(_ path: String) throws -> String? { try manifests.files.first { $0.path == path }?.text() }

  func object(_ kind: String, _ name: String) -> RenderedObject? {
    objects.first { $0.kind == kind && $0.name == name }
  }

  /// What runs Pods.
  var workloads: [RenderedObject] { objects.filter { $0.podTemplate != nil } }

  /// Read once: it is some hundred files.
  static let policy = Result {
    (texts: try PolicyTexts(directory: policyDirectory), rules: try Policy.load(directory: policyDirectory))
  }
}

extension Manifest {
  subscript(key: String) -> Manifest? {
    guard case .map(let pairs) = value else { return nil }
    return pairs.first { $0.key == key }?.value
  }

  var items: [Manifest] {
    guard case .list(let items) = value else { return [] }
    return items
  }

  var text: String? {
    guard case .string(let text) = value else { return nil }
    return text
  }

  var flag: Bool? {
    guard case .bool(let flag) = value else { return nil }
    return flag
  }

  var number: Int? {
    guard case .int(let number) = value else { return nil }
    return number
  }

  /// Of a mapping of texts.
  var texts: [String: String] {
    guard case .map(let pairs) = value else { return [:] }
    return Dictionary(pairs.compactMap { pair in pair.value.text.map { (pair.key, $0) } }) { first, _ in first }
  }
}
