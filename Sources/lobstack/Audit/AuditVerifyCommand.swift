import AgentModel
import ArgumentParser
import AuditLog
import Faults
import Foundation
import Storage

struct AuditVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check every byte of the audit log, and name the first that is wrong.",
    discussion: """
      Reads the files and trusts no running process. Exit code 1 when the log is not as it was written. Give what \
      witnesses kept to find a log that was set back, or written anew, as a whole.
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
    name: [.customLong("witness"), .customLong("checkpoint")],
    help: ArgumentHelp(
      "File of checkpoints that the log must extend, from a witness or 'lobstack audit checkpoint'; repeat for several.",
      valueName: "file"), completion: .file())
  var witness: [String] = []

  @Option(
    help: ArgumentHelp(
      "Directory of an archived segment, or one in which they lie; repeat for several. The log must go on from them.",
      valueName: "directory"), completion: .directory)
  var segment: [String] = []

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let directory = try directory ?? instance.layout().auditDirectory
    // Before the log: one that grows meanwhile is then never shorter than what its witnesses have.
    let witnessed = try witness.map(Self.read)
    let result = try AuditFile.verify(directory: directory, trustedKey: key, extending: witnessed, segments: segment)
    try format.print(result) { Self.text(result) }
    guard result.ok else { throw Degraded(code: 1) }
  }

  private static func read(_ path: String) throws -> WitnessedNotes {
    do {
      return WitnessedNotes(reading: try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe), name: path)
    } catch {
      throw Fault(
        .notFound, operation: "read \(path)", reason: "the file cannot be read",
        remedy: "name a file of a witness, or one that 'lobstack audit checkpoint' wrote", cause: error)
    }
  }

  private static func text(_ result: AuditVerification) -> String {
    guard let bad = result.firstBad else {
      return
        (["ok: \(result.size) records, root \(result.rootHash)"] + archiveLines(result) + witnessLines(result))
        .joined(separator: "\n")
    }
    if bad.file == .leaves { return "NOT ok: leaves: \(bad.reason)" }
    if bad.file == .witness { return "NOT ok: the witness does not fit the log: \(bad.reason)" }
    let file = bad.segment.map { "\($0)/\(bad.file.rawValue)" } ?? bad.file.rawValue
    return "NOT ok: record \(bad.index), at byte \(bad.offset) of \(file): \(bad.reason)\n"
      + "signatures of the log's key cover \(result.size) records, root \(result.rootHash)"
  }

  private static func archiveLines(_ result: AuditVerification) -> [String] {
    guard let first = result.first else { return result.segments.map(unusedLines) ?? [] }
    guard let segments = result.segments else {
      return ["records 0 to \(first - 1) are archived and were not read: give their segments with --segment"]
    }
    return ["of these, records 0 to \(first - 1) in segments: \(segments.verified.count), each verified"]
      + unusedLines(segments)
  }

  private static func unusedLines(_ segments: AuditVerification.Segments) -> [String] {
    segments.unused.map { "\($0) is not what the log goes on from, and was not read" }
  }

  private static func witnessLines(_ result: AuditVerification) -> [String] {
    guard let witnesses = result.witnesses else { return [] }
    var lines = [
      "checkpoints kept elsewhere: \(witnesses.checkpoints), all extended; the longest is over \(witnesses.size) records"
    ]
    if witnesses.otherLogs > 0 { lines.append("checkpoints of other logs, left out: \(witnesses.otherLogs)") }
    if witnesses.unreadableLines > 0 {
      lines.append("lines with a checkpoint that cannot be read: \(witnesses.unreadableLines)")
    }
    return lines
  }
}
