import APIClient
import APIModel
import ArgumentParser

struct AuditCheckpointCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "Print the log's signed checkpoint, to be kept elsewhere.",
    discussion: """
      'lobstack audit verify --checkpoint FILE' later shows that the log still begins with what the checkpoint covers.
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let checkpoint = try await connection.withClient { try await $0.auditCheckpoint() }
    try format.print(checkpoint) { String(checkpoint.note.dropLast(checkpoint.note.hasSuffix("\n") ? 1 : 0)) }
  }
}
