import Faults
import Manifests
import Rego

/// A policy in Rego, with a schema of its parameters (templates.gatekeeper.sh/v1 and v1beta1).
package struct ConstraintTemplate: Sendable {
  package let name: String
  package let kind: String
  let parameters: ParameterSchema
  let program: Program

  private static let target = "admission.k8s.gatekeeper.sh"

  /// - Throws: `Fault(.invalid)` with the place of what is wrong: also of what the evaluator does not support, because a
  ///   policy that is evaluated wrongly is worse than none.
  init(_ document: Manifest) throws {
    var fields = try Fields(document)
    let version = try fields.require("apiVersion").string()
    _ = fields.take("kind")
    var metadata = try Fields(fields.require("metadata"))
    let name = try metadata.require("name")
    self.name = try name.string()
    var spec = try Fields(fields.require("spec"))
    var crd = try Fields(spec.require("crd"))
    var crdSpec = try Fields(crd.require("spec"))
    var names = try Fields(crdSpec.require("names"))
    let kind = try names.require("kind")
    self.kind = try kind.string()
    guard self.name == self.kind.lowercased() else {
      throw name.fault(
        "the name is '\(self.name)', not the kind in small letters", remedy: "call it \(self.kind.lowercased())")
    }
    // Before version 1 a schema may be one that says little of what it leaves out.
    parameters = try ParameterSchema(validation: crdSpec.take("validation"), isLegacy: version.hasSuffix("/v1beta1"))
    let targets = try spec.require("targets")
    guard let first = try targets.list().first, try targets.list().count == 1 else {
      throw targets.fault("\(try targets.list().count) targets", remedy: "give one, \(Self.target)")
    }
    var target = try Fields(first)
    let targetName = try target.require("target")
    guard try targetName.string() == Self.target else {
      throw targetName.fault("'\(try targetName.string())' is no target that is known", remedy: "use \(Self.target)")
    }
    program = try Self.program(&target, first)
  }

  // MARK: Code

  private static func program(_ target: inout Fields, _ manifest: Manifest) throws -> Program {
    let code = try target.take("code")?.list() ?? []
    if let rego = target.take("rego"), try !rego.string().isEmpty {
      return try compile(rego, libraries: target.take("libs"), isVersion1: false)
    }
    for entry in code {
      var entry = try Fields(entry)
      guard try entry.require("engine").string() == "Rego" else { continue }
      var source = try Fields(entry.require("source"))
      let version = source.take("version")
      let name = try version?.string() ?? "v0"
      guard name == "v0" || name == "v1" else {
        throw (version ?? manifest).fault("'\(name)' is no version of Rego", remedy: "use v0 or v1")
      }
      return try compile(source.require("rego"), libraries: source.take("libs"), isVersion1: name == "v1")
    }
    let engines = try code.map { entry in
      var entry = try Fields(entry)
      return try entry.require("engine").string()
    }
    throw manifest.fault(
      engines.isEmpty
        ? "it has no Rego"
        : "it has no Rego, only \(engines.joined(separator: ", ")), which is evaluated by Kubernetes alone",
      remedy: "add the policy in Rego, under 'rego' or as an entry of 'code' with the engine Rego")
  }

  private static func compile(_ rego: Manifest, libraries: Manifest?, isVersion1: Bool) throws -> Program {
    let manifests = [rego] + (try libraries?.list() ?? [])
    let sources = try manifests.map { manifest in
      // The path names the text, so that an error finds its way back.
      Program.Source(file: manifest.place.path, text: try manifest.string(), isVersion1: isVersion1)
    }
    let program: Program
    do throws(RegoError) { program = try Program(sources) } catch {
      let manifest = manifests.first { $0.place.path == error.location.file } ?? rego
      throw manifest.fault(
        "line \(error.location.line), column \(error.location.column) of the Rego: \(error.message)",
        remedy: "correct the policy")
    }
    guard program.isPartialSet("violation") else {
      throw rego.fault(
        "it has no rule 'violation' that is a set", remedy: #"write 'violation[{"msg": msg}] { ... }'"#)
    }
    for (index, package) in program.packages.enumerated().dropFirst() where package.first != "lib" {
      throw manifests[index].fault(
        "a library is in the package \(package.joined(separator: "."))", remedy: "let its package begin with 'lib'")
    }
    return program
  }
}
