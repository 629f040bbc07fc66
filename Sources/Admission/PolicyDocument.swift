import Faults
import Manifests

/// What a document of a policy directory is.
enum PolicyDocument {
  case template(Manifest)
  case constraint(Manifest)
  case config(Manifest)

  /// - Throws: `Fault(.invalid)` for anything else: what is not read is not enforced.
  init(_ document: Manifest) throws {
    var fields = try Fields(document)
    let version = try fields.require("apiVersion")
    let kind = try fields.require("kind").string()
    switch (try version.string(), kind) {
    case ("templates.gatekeeper.sh/v1", "ConstraintTemplate"),
      ("templates.gatekeeper.sh/v1beta1", "ConstraintTemplate"):
      self = .template(document)
    case ("constraints.gatekeeper.sh/v1beta1", _): self = .constraint(document)
    case ("config.gatekeeper.sh/v1alpha1", "Config"): self = .config(document)
    case (let text, _):
      throw version.fault(
        "\(text) \(kind) is no policy that is known",
        remedy: "keep here ConstraintTemplates (templates.gatekeeper.sh/v1 or v1beta1), constraints "
          + "(constraints.gatekeeper.sh/v1beta1) and Configs (config.gatekeeper.sh/v1alpha1)")
    }
  }
}

extension Manifest {
  /// The `kind` of an object.
  var kindName: String? {
    guard var fields = try? Fields(self) else { return nil }
    return try? fields.take("kind")?.string()
  }
}
