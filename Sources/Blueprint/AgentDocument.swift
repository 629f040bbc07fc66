import AgentModel
import Faults
import Manifests

/// Parses an Agent document, YAML or JSON (`lobstack.dev/v1`).
///
/// - Parameter source: What errors call the text: a file's name, or "request body".
/// - Throws: `Fault(.invalid)` naming line and field path.
package func parseAgent(_ text: String, source: String) throws -> Agent {
  let document = try Manifest.parseOne(text, source: source)
  var fields = try Fields(document)
  try expect("lobstack.dev/v1", in: try fields.require("apiVersion"))
  try expect("Agent", in: try fields.require("kind"))
  let metadata = try parseMetadata(try fields.require("metadata"))
  let spec = try parseSpec(try fields.require("spec"))
  // A document that the API printed can be sent back: its status is what it was, not what is asked.
  _ = fields.take("status")
  try fields.finish()
  return Agent(id: metadata.id, labels: metadata.labels, spec: spec)
}

/// Longest environment, names and values together.
private let longestEnvironment = 128 << 10
private let mostLabels = 64
private let mostPorts = 64
private let mostSecrets = 64
private let environmentName = "a letter or '_', then letters, digits and '_'"

private func parseMetadata(_ manifest: Manifest) throws -> (id: AgentID, labels: [String: String]) {
  var fields = try Fields(manifest)
  let name = try parse(AgentName.self, try fields.require("name"))
  let tenant = try fields.take("tenant").map { try parse(TenantName.self, $0) } ?? .default
  var labels: [String: String] = [:]
  let labelEntries = fields.take("labels")
  for (key, value) in try entries(labelEntries, atMost: mostLabels) {
    let text = try value.string()
    guard isLabelKey(key), isLabelValue(text) else {
      throw value.fault(
        "'\(key): \(text)' is not a Kubernetes label",
        remedy: "use at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit")
    }
    guard !key.hasPrefix("lobstack.dev/") else {
      throw value.fault("the label prefix lobstack.dev/ is the platform's own", remedy: "use another prefix")
    }
    labels[key] = text
  }
  for ownedByPlatform in ["uid", "generation", "createdAt", "deletedAt"] { _ = fields.take(ownedByPlatform) }
  try fields.finish()
  return (AgentID(tenant: tenant, name: name), labels)
}

private func parseSpec(_ manifest: Manifest) throws -> AgentSpec {
  var fields = try Fields(manifest)
  var spec = AgentSpec(image: try parse(ImageReference.self, try fields.require("image")))
  if let tier = fields.take("tier") { spec.tier = try parseChoice(tier) }
  if let command = fields.take("command") { spec.command = try parseCommand(command) }
  if let env = fields.take("env") { spec.env = try parseEnvironment(env) }
  if let workspace = fields.take("workspace") { spec.workspace = try parseWorkspace(workspace) }
  if let ports = fields.take("ports") { spec.ports = try parsePorts(ports) }
  if let policy = fields.take("restartPolicy") { spec.restartPolicy = try parseChoice(policy) }
  if let egress = fields.take("egress") { spec.egress = try parseEgress(egress) }
  if let secrets = fields.take("secrets") { spec.secrets = try parseSecrets(secrets) }
  if let response = fields.take("response") { spec.response = try parseChoice(response) }
  try fields.finish()
  return spec
}

private func parseCommand(_ manifest: Manifest) throws -> [String] {
  let command = try manifest.strings()
  guard let program = command.first, !program.isEmpty else {
    throw manifest.fault("the command is empty", remedy: "name a program, or leave the field out to run the image's")
  }
  guard command.allSatisfy({ !$0.utf8.contains(0) }), command.reduce(0, { $0 + $1.utf8.count }) <= 64 << 10 else {
    throw manifest.fault("the command is over 65536 bytes or holds a NUL byte", remedy: "shorten it")
  }
  return command
}

private func parseEnvironment(_ manifest: Manifest) throws -> [String: String] {
  var env: [String: String] = [:]
  var size = 0
  for (name, value) in try manifest.entries() {
    let text = try value.string()
    guard isEnvironmentName(name) else {
      throw value.fault("'\(name)' is not the name of an environment variable", remedy: "use \(environmentName)")
    }
    guard !text.utf8.contains(0) else { throw value.fault("the value holds a NUL byte", remedy: "remove it") }
    size += name.utf8.count + text.utf8.count + 2
    env[name] = text
  }
  guard size <= longestEnvironment else {
    throw manifest.fault(
      "the environment has \(size) bytes, more than \(longestEnvironment)", remedy: "put large values into a file")
  }
  return env
}

private func parseWorkspace(_ manifest: Manifest) throws -> AgentSpec.Workspace {
  var fields = try Fields(manifest)
  var workspace = AgentSpec.Workspace()
  if let field = fields.take("size") {
    let size = try parse(ByteSize.self, field)
    let allowed = AgentSpec.Workspace.allowedSizes
    guard allowed.contains(size) else {
      throw field.fault(
        "\(size) is not between \(allowed.lowerBound) and \(allowed.upperBound)", remedy: "choose a size in that range")
    }
    workspace.size = size
  }
  try fields.finish()
  return workspace
}

private func parsePorts(_ manifest: Manifest) throws -> [String: UInt16] {
  var ports: [String: UInt16] = [:]
  for (name, value) in try entries(manifest, atMost: mostPorts) {
    guard isDNSLabel(name, longest: 15) else {
      throw value.fault("'\(name)' is not a port name", remedy: "use 1 to 15 of a-z, 0-9 and '-'")
    }
    // Nobody in a sandbox has the capability to listen below 1024.
    let port = UInt16(try value.int(in: 1024...65535))
    guard !ports.values.contains(port) else {
      throw value.fault("port \(port) is named twice", remedy: "name each port once")
    }
    ports[name] = port
  }
  return ports
}

/// The secrets that are shown as files: `- name: crm-token`.
private func parseSecrets(_ manifest: Manifest) throws -> [SecretName] {
  let items = try manifest.list()
  guard items.count <= mostSecrets else {
    throw manifest.fault("it lists \(items.count) secrets, more than \(mostSecrets)", remedy: "leave some out")
  }
  var names: [SecretName] = []
  for item in items {
    var fields = try Fields(item)
    let field = try fields.require("name")
    let name = try parse(SecretName.self, field)
    guard !names.contains(name) else {
      throw field.fault("secret '\(name)' is listed twice", remedy: "list each secret once")
    }
    names.append(name)
    try fields.finish()
  }
  return names
}

func entries(_ manifest: Manifest?, atMost most: Int) throws -> [(String, Manifest)] {
  guard let manifest else { return [] }
  let entries = try manifest.entries()
  guard entries.count <= most else {
    throw manifest.fault("it has \(entries.count) entries, more than \(most)", remedy: "leave some out")
  }
  return entries.map { ($0, $1) }
}

private func expect(_ text: String, in manifest: Manifest) throws {
  let found = try manifest.string()
  guard found == text else { throw manifest.fault("'\(found)' is not '\(text)'", remedy: "write \(text)") }
}

func parse<Value: ParsedText>(_ type: Value.Type, _ manifest: Manifest) throws -> Value {
  let text: String
  // `size: 1073741824` and `name: 42` are plain numbers to YAML.
  if case .int(let number) = manifest.value { text = "\(number)" } else { text = try manifest.string() }
  guard let value = Value(text) else {
    throw manifest.fault("'\(text.prefix(80))' is not valid", remedy: "give \(Value.rule)")
  }
  return value
}

private func parseChoice<Value: RawRepresentable & CaseIterable>(_ manifest: Manifest) throws -> Value
where Value.RawValue == String {
  let text = try manifest.string()
  guard let value = Value(rawValue: text) else {
    let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
    throw manifest.fault("'\(text.prefix(80))' is not known", remedy: "use one of: \(choices)")
  }
  return value
}

private func isEnvironmentName(_ name: String) -> Bool {
  guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
  return name.utf8.allSatisfy { isASCIIAlphanumeric($0) || $0 == UInt8(ascii: "_") }
}

private func isLabelKey(_ key: String) -> Bool {
  let parts = key.split(separator: "/", omittingEmptySubsequences: false)
  guard let name = parts.last, parts.count <= 2, !name.isEmpty, isLabelValue(String(name)) else { return false }
  guard parts.count == 2 else { return true }
  let labels = parts[0].split(separator: ".", omittingEmptySubsequences: false)
  return parts[0].utf8.count <= 253 && labels.allSatisfy { isDNSLabel(String($0)) }
}

/// Kubernetes label values: at most 63 of letters, digits, '-', '_' and '.'; may be empty.
private func isLabelValue(_ value: String) -> Bool {
  guard let first = value.utf8.first, let last = value.utf8.last else { return true }
  guard value.utf8.count <= 63, isASCIIAlphanumeric(first), isASCIIAlphanumeric(last) else { return false }
  return value.utf8.allSatisfy { isASCIIAlphanumeric($0) || "-_.".utf8.contains($0) }
}

func isASCIIAlphanumeric(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    true
  default: false
  }
}
