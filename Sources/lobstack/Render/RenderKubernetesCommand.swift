import ArgumentParser
import Blueprint
import Faults
import Foundation
import KubernetesRendering
import Manifests
import Supervision

struct RenderKubernetesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kubernetes", abstract: "Write the platform as manifests for a Kubernetes cluster.",
    discussion: """
      The same values and policy give the same files. With --output, files of an earlier rendering that are no longer \
      rendered are removed; whatever else lies in the directory stays.

        lobstack render kubernetes --values values.yaml --output deploy
        kubectl apply -k deploy
      """)

  @Option(
    help: ArgumentHelp("What differs from cluster to cluster, YAML; '-' reads standard input.", valueName: "file"),
    completion: .file())
  var values: String?

  @Option(
    help: ArgumentHelp("Directory to write to; without it everything goes to standard output.", valueName: "directory"),
    completion: .directory)
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Directory of the policy (default: the one that an instance starts with).", valueName: "directory"),
    completion: .directory)
  var policy: String?

  func run() throws {
    let directory = try PolicySource.find(given: policy, executable: Platform.currentExecutable).directory
    let manifests = try PlatformManifests(
      values: try readValues(), texts: try PolicyTexts(directory: directory),
      rules: try Policy.load(directory: directory))
    guard let output else {
      for file in manifests.files where file.isApplied { print(try file.text(), terminator: "") }
      return
    }
    let count = try RenderedDirectory(path: output).write(manifests.withKustomization())
    tell("\(count) files are in \(output); apply them with: kubectl apply -k \(output)")
  }

  private func readValues() throws -> Values {
    guard let values else { return Values() }
    guard values != "-" else {
      let name = "standard input"
      let bytes = try NamedFile.bytes(name, longest: Manifest.longestText) { .standardInput }
      return try Values(NamedFile.text(bytes, source: name), source: name)
    }
    return try Values(NamedFile.text(of: values, longest: Manifest.longestText), source: values)
  }
}
