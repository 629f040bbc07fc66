import APIModel
import AgentModel
import ArgumentParser

/// An agent's spec as options of the command line.
struct AgentSpecOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Image: oci:/path[:tag], oci-archive:/path[:tag], docker://host/name[:tag|@digest] or dir:/path.",
      valueName: "image"), transform: parseText)
  var image: ImageReference?

  @Option(
    help: "starter (1 CPU, 2 GiB), standard (2, 4), performance (4, 8) or enterprise (8, 16).", transform: parseCase)
  var tier: Tier?

  @Option(help: ArgumentHelp("Environment variable; may be repeated.", valueName: "name=value"))
  var env: [String] = []

  @Option(help: ArgumentHelp("Size of the workspace, as 512Mi or 1Gi.", valueName: "size"), transform: parseText)
  var workspace: ByteSize?

  @Option(help: ArgumentHelp("Named TCP port that the agent listens on; may be repeated.", valueName: "name=port"))
  var port: [String] = []

  @Option(help: "When an agent that ended is started again: Always, OnFailure or Never.", transform: parseCase)
  var restart: AgentSpec.RestartPolicy?

  @Option(
    help: "What follows a critical alert: alert (nothing more), freeze, quarantine or kill.", transform: parseCase)
  var response: AgentResponse?

  @Option(
    parsing: .remaining,
    help: ArgumentHelp(
      "Program and arguments instead of the image's; the last option, it takes the rest of the line.",
      valueName: "program"))
  var command: [String] = []

  @Option(help: "The agent's tenant (default: 'default').", transform: parseText)
  var tenant: TenantName?

  var isGiven: Bool {
    image != nil || tier != nil || !env.isEmpty || workspace != nil || !port.isEmpty || restart != nil
      || response != nil || !command.isEmpty || tenant != nil
  }

  /// The options as an Agent document, so that the server has one form to check.
  func document(agent: String) throws -> String {
    guard let image else { throw ValidationError("--image is missing") }
    let id = try AgentArgument.id(agent, tenant: tenant)
    var spec = AgentSpec(image: image, tier: tier ?? .starter)
    spec.command = command.isEmpty ? nil : command
    spec.env = try pairs(env, option: "--env", value: { $0 })
    spec.ports = try pairs(port, option: "--port") { UInt16($0) }
    if let workspace { spec.workspace.size = workspace }
    if let restart { spec.restartPolicy = restart }
    if let response { spec.response = response }
    let document = Document(metadata: Document.Metadata(name: id.name, tenant: id.tenant), spec: spec)
    return String(decoding: try APIJSON.encode(document), as: UTF8.self)
  }

  private func pairs<Value>(
    _ texts: [String], option: String, value parse: (String) -> Value?
  ) throws -> [String: Value] {
    var pairs: [String: Value] = [:]
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty, let value = parse(parts[1]) else {
        throw ValidationError("\(option) '\(text.prefix(80))' is not NAME=\(option == "--port" ? "PORT" : "VALUE")")
      }
      pairs[parts[0]] = value
    }
    return pairs
  }

  private struct Document: Encodable {
    struct Metadata: Encodable {
      var name: AgentName
      var tenant: TenantName
    }

    var apiVersion = "lobstack.dev/v1"
    var kind = "Agent"
    var metadata: Metadata
    var spec: AgentSpec
  }
}

/// Parses one of a few words, with all of them in the error.
@Sendable func parseCase<Value: RawRepresentable & CaseIterable>(_ text: String) throws -> Value
where Value.RawValue == String {
  guard let value = Value(rawValue: text) else {
    throw ValidationError("'\(text)' is not one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
  }
  return value
}
