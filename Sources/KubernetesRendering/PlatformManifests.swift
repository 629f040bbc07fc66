import Blueprint
import Faults

/// The platform as files that a cluster's own components read: a pure function of values and policy.
package struct PlatformManifests: Sendable {
  /// What `app.kubernetes.io/name` says of the name servers' Pods, and their container's name.
  package static let nameServer = Platform.nameServerName

  package var files: [ManifestFile]

  /// - Parameters:
  ///   - valuesText: what the values were read from; empty for the defaults.
  ///   - texts: the policy directory, and `rules` what it says.
  ///   - agentIngress: `nil` where nobody calls agents, as in tests of other things.
  /// - Throws: `Fault(.invalid)` when a file of the policy is missing or cannot be read.
  package init(
    values: Values, valuesText: String = "", texts: PolicyTexts, rules: Policy,
    agentIngress: AgentIngressConfiguration? = nil
  ) throws {
    let platform = Platform(
      values: values, valuesText: valuesText, texts: texts, rules: rules, agentIngress: agentIngress)
    files = platform.namespaces + platform.cluster
    files += platform.network
    // Before what counts them.
    files += platform.agentDefinition
    files += platform.tenants
    files += try platform.mesh()
    files += platform.gateway
    files += try platform.admission()
    files += try platform.vault()
    files += platform.hostDetection
    files += platform.sentinelFiles
    files += try platform.operatorFiles()
    files += platform.nameServer
    files += platform.recorderFiles
    files += platform.controlPlaneFiles
    files += platform.agentIngressFiles
    files += try platform.monitoring()
    files += platform.kedaFiles
    files += platform.sizeRecommendations(for: files)
    files += try platform.nodes()
  }

  /// Below it is what is applied after the rest: kinds of Gatekeeper's constraints exist once it has read their templates.
  static let constraintsDirectory = "constraints"

  /// The directory that is applied once Gatekeeper has read its templates; none without Gatekeeper.
  package var constraints: String? {
    files.contains { $0.path.hasPrefix("\(Self.constraintsDirectory)/") } ? Self.constraintsDirectory : nil
  }

  /// All files, with the lists of those that are applied, in their order.
  package func withKustomization() -> [ManifestFile] {
    let prefix = "\(Self.constraintsDirectory)/"
    let applied = files.filter(\.isApplied).map(\.path)
    let (last, first) = (applied.filter { $0.hasPrefix(prefix) }, applied.filter { !$0.hasPrefix(prefix) })
    var lists = [Self.kustomization(in: "", of: first)]
    if !last.isEmpty {
      lists.append(Self.kustomization(in: prefix, of: last.map { String($0.dropFirst(prefix.count)) }))
    }
    return lists + files
  }

  private static func kustomization(in directory: String, of paths: [String]) -> ManifestFile {
    ManifestFile(
      "\(directory)kustomization.yaml",
      text: """
        # Written by 'lobstack render kubernetes'. Apply with 'kubectl apply -k', or have Flux or Argo CD do it.
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        # Namespaces and policies are there before what they bind.
        sortOptions:
          order: fifo
        resources:
        \(paths.map { "  - \($0)\n" }.joined())
        """, isApplied: false)
  }
}

/// The texts of the policy directory by their path in it: `gatekeeper/constraints/seccomp.yaml`.
package struct PolicyTexts: Sendable {
  package var texts: [String: String]

  package init(_ texts: [String: String]) { self.texts = texts }

  func text(_ path: String) throws -> String {
    guard let text = texts[path] else {
      throw Fault(
        .invalid, operation: "read policy/\(path)", reason: "the file is not there",
        remedy: "restore the policy directory")
    }
    return text
  }

  /// The files below a directory, sorted by name.
  func files(below directory: String) -> [(path: String, text: String)] {
    texts.filter { $0.key.hasPrefix("\(directory)/") }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
