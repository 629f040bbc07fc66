import AgentModel
import Documents
import Faults
import NodeProtocol

/// The secrets that one agent's documents name.
struct SecretNeeds: Hashable, Sendable, Codable {
  /// Shown to the agent as files at `/vault/secrets`.
  var files: [SecretName]
  /// Added to its requests by the node proxy, and never shown to it.
  var credentials: [SecretName]

  var isEmpty: Bool { files.isEmpty && credentials.isEmpty }
  var all: [SecretName] { Set(files + credentials).sorted() }

  /// - Throws: `Fault(.invalid)` for a name that is none.
  init(_ agent: DesiredAgent) throws {
    let volume = agent.pod.spec.volumes.first { $0.csi?.driver == secretsVolumeDriver }
    let listed = volume?.csi?.volumeAttributes[secretNamesAttribute] ?? ""
    files = try listed.split(separator: ",").map { try Self.name(String($0), of: agent) }
    credentials = try agent.serviceEntries.compactMap { $0.metadata.annotations?[credentialSecretAnnotation] }
      .map { try Self.name($0, of: agent) }
  }

  private static func name(_ text: String, of agent: DesiredAgent) throws -> SecretName {
    guard let name = SecretName(text) else {
      throw Fault(
        .invalid, operation: "give agent \(agent.id) its secrets", reason: "'\(text.prefix(80))' is no secret's name",
        remedy: "create the agent again")
    }
    return name
  }
}

/// A secret's value as an agent has it.
struct HeldSecret: Hashable, Sendable, Codable {
  var reference: SecretReference
  var value: SecretValue
  var version: Int
}
