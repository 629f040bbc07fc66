import ChildProcess
import Foundation
import JSONValues
import Manifests
import Rego
import Testing

@testable import Admission
@testable import KubernetesRendering

private typealias Verdicts = Set<GatorTests.Verdict>

/// Gatekeeper's own judgement of what is rendered, by its tool: `GATOR=/path/to/gator`. Skipped without it.
@Suite("Gatekeeper", .enabled(if: ProcessInfo.processInfo.environment["GATOR"] != nil, "GATOR names no gator"))
struct GatorTests {
  struct Verdict: Hashable, CustomStringConvertible {
    var object: String
    var constraint: String
    var message: String
    var action: String

    var description: String { "\(object): [\(constraint)] \(message) (\(action))" }
  }

  /// Where a Pod may be, as which Pod: an agent, its gateway, a program of the platform, and somebody else's.
  private static let places: [(name: String, namespace: String, labels: [String: JSON])] = [
    ("agent", "lobstack-agents", [:]), ("gateway", "lobstack-agents", ["lobstack.dev/gateway-of": "a1"]),
    ("platform", "lobstack-control-plane", [:]), ("other", "elsewhere", [:]),
  ]

  @Test("says of every sample, wherever it is, what our engine says") func agreement() async throws {
    let rendering = try Rendering.of(.full)
    let policies = try ["admission/templates/", "constraints/constraints.yaml"].flatMap { prefix in
      try rendering.manifests.files.filter { $0.path.hasPrefix(prefix) }
        .map { PolicyFile(path: $0.path, text: try $0.text()) }
    }
    let namespaces =
      rendering.objects.filter { $0.kind == "Namespace" }.map { JSON($0.body) } + [
        ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "elsewhere"]]
      ]
    let pods = try Self.samples().flatMap { name, pod in Self.places.map { Self.placed(pod, name, in: $0) } }
    #expect(pods.count > 1000)

    let ours = try Self.ours(policies, namespaces, pods)
    let theirs = try await Self.gators(policies, namespaces + pods)
    #expect(ours.subtracting(theirs).sorted { "\($0)" < "\($1)" }.prefix(10) == [])
    #expect(theirs.subtracting(ours).sorted { "\($0)" < "\($1)" }.prefix(10) == [])
    print("\(ours.count) violations of \(pods.count) Pods, the same by both")
    for place in Self.places {
      let refused = Set(ours.filter { $0.object.hasSuffix("-\(place.name)") && $0.action == "deny" }.map(\.object))
      #expect((place.name == "other") == refused.isEmpty, "\(place.name)")
      print("\(place.name): \(refused.count) of \(pods.count / Self.places.count) samples refused by both")
    }
  }

  /// The Pods of all suites, by suite and file.
  private static func samples() throws -> [(String, JSON)] {
    try Rendering.policy.get().texts.files(below: "gatekeeper/suites").filter { $0.path.contains("/samples/") }
      .compactMap {
        file in
        let value = JSON(try Manifest.parseOne(file.text, source: file.path))
        guard value["kind"] == "Pod" else { return nil }
        let parts = file.path.split(separator: "/").filter { $0 != "samples" }.suffix(2)
        return (parts.joined(separator: "-").replacing(".yaml", with: ""), value)
      }
  }

  private static func placed(
    _ pod: JSON, _ name: String, in place: (name: String, namespace: String, labels: [String: JSON])
  ) -> JSON {
    var pod = pod
    var metadata = pod["metadata"] ?? [:]
    metadata["name"] = .string("\(name)-\(place.name)")
    metadata["namespace"] = .string(place.namespace)
    for (key, value) in place.labels {
      var labels = metadata["labels"] ?? [:]
      labels[key] = value
      metadata["labels"] = labels
    }
    pod["metadata"] = metadata
    return pod
  }

  private static func json(_ object: JSON) throws -> String {
    let encoder = JSONEncoder()
    // YAML 1.1, which gator reads, does not know "\/".
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(object), as: UTF8.self)
  }

  private static func ours(
    _ policies: [PolicyFile], _ namespaces: [JSON], _ pods: [JSON]
  ) throws -> Verdicts {
    func value(_ object: JSON) throws -> Value {
      try Value(json: json(object))
    }
    let set = try PolicySet(policies)
    let inventory = Inventory(try namespaces.map(value))
    var verdicts: Verdicts = []
    for pod in pods {
      let review = try Review(try value(pod))
      let decision = set.review(review, at: .gator, inventory: inventory, now: 0)
      #expect(decision.failures.isEmpty, "\(review.name)")
      for violation in decision.violations {
        verdicts.insert(
          Verdict(
            object: review.name, constraint: violation.constraint, message: violation.message,
            action: violation.action.rawValue))
      }
    }
    return verdicts
  }

  private struct Result: Decodable {
    struct Object: Decodable {
      struct Metadata: Decodable { var name: String }
      var metadata: Metadata
    }
    var msg: String
    var enforcementAction: String
    var constraint: Object
    var violatingObject: Object
  }

  private static func gators(_ policies: [PolicyFile], _ objects: [JSON]) async throws -> Verdicts {
    let directory = FileManager.default.temporaryDirectory.appending(path: "gator-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let texts =
      policies.map(\.text) + (try objects.map(json))
    let file = directory.appending(path: "all.yaml")
    try Data(texts.joined(separator: "\n---\n").utf8).write(to: file)
    let gator = ProcessInfo.processInfo.environment["GATOR"] ?? ""
    let result = try await Command(gator, ["test", "-f", file.path, "-o", "json"])
      .run(timeout: .seconds(300), outputLimit: 512 << 20)
    try #require(result.standardOutput.hasPrefix("["), "\(result.standardError.prefix(2000))")
    let results = try JSONDecoder().decode([Result].self, from: Data(result.standardOutput.utf8))
    return Set(
      results.map {
        Verdict(
          object: $0.violatingObject.metadata.name, constraint: $0.constraint.metadata.name, message: $0.msg,
          action: $0.enforcementAction)
      })
  }
}
