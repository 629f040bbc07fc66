import ArgumentParser
import KubernetesRendering

/// How the cluster is, as it was rendered.
struct RenderedValuesOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("The values that the cluster was rendered with, YAML.", valueName: "file"), completion: .file())
  var values: String?

  /// - Throws: `Fault` naming the file and the field.
  func read() throws -> Values { try Values(values.map(ValuesFile.text) ?? "", source: values ?? "values") }
}
