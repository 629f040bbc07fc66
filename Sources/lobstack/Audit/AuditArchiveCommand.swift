import APIClient
import APIModel
import AgentModel
import ArgumentParser
import AuditLog
import Faults
import Foundation
import Storage

struct AuditArchiveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "archive", abstract: "Move the oldest audit records into a segment that verifies by itself.",
    discussion: """
      The segment is written, read again and verified before the platform, which runs on, lets go of a record. What \
      stays proves as before. Needs root.

        lobstack audit archive --before 90d /archive
        lobstack audit verify --segment /archive
      """)

  @Option(
    help: ArgumentHelp("Records that are older than this: RFC 3339, or an age as 90d.", valueName: "time"))
  var before: MomentOption

  @Argument(
    help: "Directory that the segment becomes a directory of; it must exist.", completion: .directory)
  var directory: String

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  private struct Report: Encodable {
    var segment: AuditSegment?
    var auditIndex: UInt64?
  }

  func run() async throws {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: "archive audit records", reason: "this is not root", remedy: "run the command as root")
    }
    let layout = try instance.layout()
    let client = APIClient(address: .unix(layout.apiSocket))
    let report: Report
    do {
      // Before anything is written: only a control plane that runs lets go of records.
      _ = try await client.auditCheckpoint()
      report = try await archive(client, layout.auditDirectory)
      try? await client.shutdown()  // the answer is there
    } catch {
      try? await client.shutdown()  // the first failure is the one to tell
      throw error
    }
    try format.print(report) {
      guard let segment = report.segment else {
        return "no records are older, or no seal lies between: nothing to archive"
      }
      return """
        \(segment.end - segment.first) records, \(segment.first) to \(segment.end - 1), are in \(segment.path)
        root of the first \(segment.end): \(segment.rootHash)
        """
    }
  }

  private func archive(_ client: APIClient, _ log: String) async throws -> Report {
    let output = URL(filePath: directory).resolvingSymlinksInPath().path
    guard access(output, W_OK | X_OK) == 0 else {
      throw Fault(
        .notFound, operation: "write to \(output)", reason: String(cString: strerror(errno)),
        remedy: "name a directory that is there")
    }
    let moment = AuditRecord.nanoseconds(before.date)
    guard let segment = try AuditSegment.make(of: log, before: moment, in: output) else { return Report() }
    do {
      let receipt = try await client.archiveAudit(
        AuditArchiving(records: segment.end, rootHash: segment.rootHash, segment: segment.path))
      return Report(segment: segment, auditIndex: receipt.auditIndex)
    } catch let fault as Fault {
      throw Fault(
        fault.code, operation: fault.operation,
        reason: "\(fault.reason); \(segment.path) is whole, and what the log let go of is in it",
        remedy: fault.code == .timedOut
          ? "look with 'lobstack audit list --action audit.archive' how it ends: the control plane goes on with it"
          : fault.remedy, cause: fault)
    }
  }
}
