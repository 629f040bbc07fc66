import AgentModel
import Faults
import Manifests

/// Most hosts that one agent may list.
private let mostAllowances = 64
private let mostRules = 32
private let longestPath = 256
/// Routes that one agent may make of the proxy, which all share: a path of each rule, and a rule without paths, is one.
private let mostRoutes = 256

/// Reads an agent's `egress`: the hosts that it may reach, each with its credential, methods and paths.
///
/// - Throws: `Fault(.invalid)` naming line and field, also for hosts that overlap: which rule holds would be a guess.
func parseEgress(_ manifest: Manifest) throws -> [EgressAllowance] {
  let items = try manifest.list()
  guard items.count <= mostAllowances else {
    throw manifest.fault("it lists \(items.count) hosts, more than \(mostAllowances)", remedy: "leave some out")
  }
  var allowances: [EgressAllowance] = []
  for item in items {
    let allowance = try parseAllowance(item)
    if let other = allowances.first(where: { $0.host.overlaps(allowance.host) }) {
      throw item.fault(
        "'\(allowance.host)' overlaps '\(other.host)', so that which rule holds is not clear",
        remedy: "list each host once, and no name that a wildcard covers")
    }
    allowances.append(allowance)
  }
  let routes = allowances.reduce(0) { $0 + max(1, $1.paths.count) }
  guard routes <= mostRoutes else {
    throw manifest.fault(
      "its rules have \(routes) paths in all, more than \(mostRoutes)", remedy: "use prefixes such as /v1/*")
  }
  return allowances
}

private func parseAllowance(_ manifest: Manifest) throws -> EgressAllowance {
  var fields = try Fields(manifest)
  let hostField = try fields.require("host")
  var allowance = EgressAllowance(host: try parse(HostPattern.self, hostField))
  if let credential = fields.take("credential") {
    guard !allowance.host.isWildcard else {
      throw credential.fault(
        "a credential for '\(allowance.host)' would go to hosts that nobody listed",
        remedy: "name each host that gets the credential")
    }
    allowance.credential = try parseCredential(credential)
  }
  let (methods, paths) = (fields.take("methods"), fields.take("paths"))
  if let field = methods ?? paths, allowance.credential == nil {
    throw field.fault(
      "TLS to '\(allowance.host)' passes through untouched, so its methods and paths are not seen",
      remedy: "add a credential, with which the proxy speaks to the host, or leave the field out")
  }
  if let methods {
    allowance.methods = try parseList(
      methods, "one of \(EgressAllowance.knownMethods.joined(separator: ", "))", isMethod)
  }
  if let paths {
    allowance.paths = try parseList(
      paths, "a path such as /v1/messages, or /v1/* for all below it, without '..', '//', '%' and '?'", isPathRule)
  }
  if let expires = fields.take("expires") { allowance.expires = try parse(UTCTime.self, expires) }
  try fields.finish()
  return allowance
}

private func parseCredential(_ manifest: Manifest) throws -> EgressAllowance.Credential {
  var fields = try Fields(manifest)
  let secret = try parse(SecretName.self, try fields.require("secret"))
  let headerField = try fields.require("header")
  let header = try headerField.string().lowercased()
  guard isHeaderName(header) else {
    throw headerField.fault(
      "'\(header.prefix(80))' cannot carry a credential",
      remedy: "name a header such as authorization or x-api-key, and none that HTTP itself uses")
  }
  var prefix = ""
  if let field = fields.take("prefix") {
    prefix = try field.string()
    guard prefix.utf8.count <= 64, prefix.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
      throw field.fault("the prefix is over 64 bytes or not printable ASCII", remedy: "write something like 'Bearer '")
    }
  } else if header == "authorization" {
    prefix = "Bearer "
  }
  try fields.finish()
  return EgressAllowance.Credential(secret: secret, header: header, prefix: prefix)
}

private func parseList(_ manifest: Manifest, _ rule: String, _ isValid: (String) -> Bool) throws -> [String] {
  let items = try manifest.list()
  guard (1...mostRules).contains(items.count) else {
    throw manifest.fault("it has \(items.count) entries, not 1 to \(mostRules)", remedy: "leave the field out for all")
  }
  return try items.map { item in
    let text = try item.string()
    guard isValid(text) else { throw item.fault("'\(text.prefix(80))' is not valid", remedy: "give \(rule)") }
    return text
  }
}

private func isMethod(_ text: String) -> Bool { EgressAllowance.knownMethods.contains(text) }

private func isPathRule(_ text: String) -> Bool {
  let path = text.hasSuffix("/*") ? String(text.dropLast()) : text
  guard path.hasPrefix("/"), path.utf8.count <= longestPath else { return false }
  guard path.utf8.allSatisfy({ isASCIIAlphanumeric($0) || "/-_.~:@!$&'()+,;=".utf8.contains($0) }) else { return false }
  let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
  return segments.dropLast().allSatisfy { !$0.isEmpty } && !segments.contains(".") && !segments.contains("..")
}

/// A token of RFC 9110 §5.6.2 without the headers that frame and route a request.
private func isHeaderName(_ name: String) -> Bool {
  let framing: Set<String> = [
    "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "expect",
    "content-type", "content-encoding", "accept-encoding", "proxy-connection", "cookie", "forwarded", "via",
  ]
  guard (1...64).contains(name.utf8.count), !framing.contains(name), !name.hasPrefix("x-forwarded-"),
    !name.hasPrefix("x-envoy-"), !name.hasPrefix("x-lobstack-")
  else { return false }
  return name.utf8.allSatisfy { isASCIIAlphanumeric($0) || $0 == UInt8(ascii: "-") }
}
