import AgentModel
import ArgumentParser
import Faults
import Foundation
import Storage

struct AuditVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check every byte of the audit log, and name the first that is wrong.",
    discussion: """
      Reads the files and trusts no running process. Exit code 1 when the log is not as it was written. Give a \
      checkpoint kept elsewhere to find a log that was set back, or written anew, as a whole.
      """)

  @Option(
    name: [.customLong("offline"), .customLong("directory")],
    help: ArgumentHelp(
      "Directory with a log, also a copy on a machine without Lobstack's platform (default: the instance's).",
      valueName: "directory"), completion: .directory)
  var directory: String?

  @Option(help: ArgumentHelp("The key that the log must be signed with, from elsewhere.", valueName: "verifier key"))
  var key: String?

  @Option(
    help: ArgumentHelp("A checkpoint of the log, kept elsewhere, that it must extend.", valueName: "file"),
    completion: .file())
  var checkpoint: String?

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let directory = try directory ?? instance.layout().auditDirectory
    let kept = try checkpoint.map(Self.read)
    let result = try AuditFile.verify(directory: directory, trustedKey: key, extending: kept)
    try format.print(result) { Self.text(result) }
    guard result.ok else { throw Degraded(code: 1) }
  }

  private static func read(_ path: String) throws -> String {
    do { return try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "the file cannot be read",
        remedy: "name a file that 'lobstack audit checkpoint' wrote", cause: error)
    }
  }

  private static func text(_ result: AuditVerification) -> String {
    guard let bad = result.firstBad else {
      return "ok: \(result.size) records, root \(result.rootHash)"
    }
    return "NOT ok: record \(bad.index), at byte \(bad.offset) of \(bad.file.rawValue): \(bad.reason)\n"
      + "signatures cover the \(result.size) records before it, root \(result.rootHash)"
  }
}
