import APIModel
import ArgumentParser
import Faults
import SecretStore
import Supervision

struct VaultRotateKeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate-keys", abstract: "Give every encryption key another version, and wrap what is kept by it.",
    discussion: """
      The keys rotate by themselves every 90 days; this is for when one may be known. What was wrapped by older versions
      is wrapped anew, agent by agent; an interrupted run is completed with --rewrap-only. Agents run on.
      """)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  @Flag(help: "Rotate nothing; only wrap anew what is wrapped by older versions.")
  var rewrapOnly = false

  func run() async throws {
    let layout = try instance.layout()
    let manager = try VaultOperator(layout: layout)
    let rotation = try await OperationRecord(layout: layout).of(.rotateKeys) {
      rewrapOnly
        ? try await manager.rewrap(layout) { tell($0) } : try await manager.rotateKeys(of: layout) { tell($0) }
    }
    try format.print(rotation) {
      "\(rotation.rotated) keys rotated, \(rotation.rewrapped) workspaces' keys wrapped anew, \(rotation.current) were"
    }
    guard let first = rotation.failed.first else { return }
    throw Fault(
      .failed, operation: "wrap \(rotation.failed.count) workspaces' keys anew", reason: first,
      remedy: "see whether those agents are being deleted; else run 'lobstack vault rotate-keys --rewrap-only' again")
  }
}
