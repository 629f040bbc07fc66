import Documents
import Faults
import Manifests

/// Reads an Istio AuthorizationPolicy of action ALLOW; a field that is not enforced here is an error.
func parseAuthorizationPolicy(_ manifest: Manifest) throws -> AuthorizationPolicy {
  var fields = try Fields(manifest)
  for (name, expected) in [("apiVersion", "security.istio.io/v1"), ("kind", "AuthorizationPolicy")] {
    let field = try fields.require(name)
    guard try field.string() == expected else { throw field.fault("not \(expected)", remedy: "write \(expected)") }
  }
  let metadata = try parseObjectMeta(try fields.require("metadata"))
  var specFields = try Fields(try fields.require("spec"))
  let selector = try specFields.take("selector").map(parseSelector)
  if let action = specFields.take("action"), try action.string() != "ALLOW" {
    throw action.fault("only ALLOW is enforced", remedy: "write ALLOW: what no rule allows is denied")
  }
  let rules = try specFields.take("rules")?.list().map(parseRule) ?? []
  try specFields.finish()
  try fields.finish()
  return AuthorizationPolicy(metadata: metadata, spec: AuthorizationPolicySpec(selector: selector, rules: rules))
}

private func parseRule(_ manifest: Manifest) throws -> AuthorizationRule {
  var fields = try Fields(manifest)
  let from = try fields.take("from")?.list().map { item in
    var fields = try Fields(item)
    var sourceFields = try Fields(try fields.require("source"))
    let source = AuthorizationRule.Source(principals: try sourceFields.require("principals").strings())
    try sourceFields.finish()
    try fields.finish()
    return AuthorizationRule.From(source: source)
  }
  let to = try fields.take("to")?.list().map { item in
    var fields = try Fields(item)
    var operationFields = try Fields(try fields.require("operation"))
    let operation = AuthorizationRule.Operation(
      hosts: try operationFields.take("hosts")?.strings(), ports: try operationFields.take("ports")?.strings(),
      methods: try operationFields.take("methods")?.strings(), paths: try operationFields.take("paths")?.strings())
    try operationFields.finish()
    try fields.finish()
    return AuthorizationRule.To(operation: operation)
  }
  try fields.finish()
  return AuthorizationRule(from: from, to: to)
}
