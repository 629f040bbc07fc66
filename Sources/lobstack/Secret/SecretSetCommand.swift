import APIClient
import AgentModel
import ArgumentParser
import Faults
import Glibc

struct SecretSetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set a secret to what standard input holds; what was there is replaced.",
    discussion: "A line break at the end of the input is left out. The value is never shown again.")

  @OptionGroup var secret: SecretArgument
  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let reference = try secret.reference
    let value = try await readSecret(operation: "set secret \(reference)")
    try await connection.withClient { try await $0.setSecret(reference, to: value) }
    print("secret \(reference) is set")
  }
}

/// Reads a value from standard input, never from an argument, which every user of the machine could read.
func readSecret(operation: String) async throws -> SecretValue {
  if isatty(STDIN_FILENO) != 0 { tell("type the value, then Ctrl-D on a line of its own") }
  var bytes = try await readInput(atMost: SecretValue.longest + 2)
  if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
  if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
  guard (1...SecretValue.longest).contains(bytes.count) else {
    throw Fault(
      .invalid, operation: operation,
      reason: bytes.isEmpty ? "standard input is empty" : "the value has more than \(SecretValue.longest) bytes",
      remedy: "give the value on standard input")
  }
  return SecretValue(bytes)
}
