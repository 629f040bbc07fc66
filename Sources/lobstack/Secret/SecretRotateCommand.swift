import APIClient
import APIModel
import AgentModel
import ArgumentParser
import Faults

struct SecretRotateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate", abstract: "Replace a secret that is there with what standard input holds.",
    discussion: "Like 'set', but a secret that does not exist is an error: a misspelt name makes no second secret.")

  @OptionGroup var secret: SecretArgument
  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let reference = try secret.reference
    let value = try await readSecret(operation: "rotate secret \(reference)")
    try await connection.withClient { client in
      let isThere = try await client.secrets().contains {
        $0.tenant == reference.tenant && $0.agent == reference.agent && $0.name == reference.name
      }
      guard isThere else {
        throw Fault(
          .notFound, operation: "rotate secret \(reference)", reason: "there is no such secret",
          remedy: "list them with 'lobstack secret list', or make it with 'lobstack secret set'")
      }
      try await client.setSecret(reference, to: value)
    }
    print("secret \(reference) is rotated")
  }
}
