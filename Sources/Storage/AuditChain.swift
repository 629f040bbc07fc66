import AuditLog
import Faults
import Glibc

extension AuditVerification {
  /// The archived segments that were read too, in their order.
  package struct Segments: Hashable, Sendable, Codable {
    package var verified: [String] = []
    /// Directories that are of this log, and of which it goes on from none: left by an archiving that was not finished.
    package var unused: [String] = []
  }
}

/// The segments that a log's records begin in, each verified, each going on from the one before.
struct AuditChain {
  private struct Link {
    var path: String
    var start: AuditStart
    var checkpoint: Checkpoint
    var records: Range<UInt64> { start.size..<checkpoint.size }
  }

  private let verifier: NoteVerifier
  /// Those of witnesses and of all the segments, used or not.
  private let kept: [KeptCheckpoint]
  private let links: [Link]
  /// The first segment that is none.
  private let unreadable: AuditDefect?
  private(set) var segments = AuditVerification.Segments()

  /// - Parameter directories: segments, or directories in which they lie.
  /// - Throws: `Fault` when they cannot be read.
  init(_ directories: [String], _ verifier: NoteVerifier, _ kept: [KeptCheckpoint]) throws {
    var links: [Link] = []
    var unreadable: AuditDefect?
    for path in try directories.flatMap(Self.segments) {
      do { links.append(try Self.link(path, verifier)) } catch let fault as Fault {
        unreadable =
          unreadable ?? AuditDefect(file: .records, index: 0, offset: 0, reason: fault.reason, segment: path)
      }
    }
    self.verifier = verifier
    self.links = links
    self.unreadable = unreadable
    self.kept = kept + links.map { KeptCheckpoint(checkpoint: $0.checkpoint, source: $0.path) }
  }

  /// What a log must extend that goes on from the first `size` records: what lies before is for `verify` to compare.
  func kept(after size: UInt64) -> [KeptCheckpoint] { kept.filter { $0.checkpoint.size > size } }

  /// - Parameter start: where the log begins that they lead to.
  /// - Returns: the first thing that is wrong.
  /// - Throws: `Fault` when they cannot be read.
  mutating func verify(before start: AuditStart) throws -> AuditDefect? {
    if let unreadable { return unreadable }
    var links = links
    var root = TreeHash.emptyRoot
    for wanted in start.segments {
      guard let found = links.firstIndex(where: { $0.records == wanted }) else {
        return missing(wanted, links.first { $0.start.size == wanted.lowerBound })
      }
      let link = links.remove(at: found)
      guard link.start.frontier.root == root else {
        return otherRoot(segments.verified.last ?? link.path, wanted.lowerBound, link.start, root)
      }
      if let defect = try replay(link) { return defect }
      root = link.checkpoint.root
      segments.verified.append(link.path)
    }
    if root != start.frontier.root, let last = segments.verified.last {
      return otherRoot(last, start.size, start, root)
    }
    segments.unused = links.map(\.path)
    return nil
  }

  /// The directory itself, or those in it with records.
  private static func segments(_ path: String) throws -> [String] {
    if access("\(path)/records.log", F_OK) == 0 { return [path] }
    guard let directory = opendir(path) else { throw AuditDescriptor.fault("read", path) }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      // What an archiving was cut off in has no name yet.
      guard name.first != ".", !name.hasSuffix(".new"), access("\(path)/\(name)/records.log", F_OK) == 0 else {
        continue
      }
      found.append("\(path)/\(name)")
    }
    return found.sorted()
  }

  private static func link(_ path: String, _ verifier: NoteVerifier) throws -> Link {
    let directory = AuditDirectory(path: path)
    guard try directory.readVerifier().description == verifier.description else {
      throw Fault(
        .denied, operation: "verify \(path)", reason: "key.pub is not the log's: it is a segment of another log",
        remedy: "name the segments of this log")
    }
    let checkpoint = try directory.readCheckpoint(with: verifier)
    let start = try AuditStart.read(try AuditDescriptor(directory.records, O_RDONLY), verifier: verifier)
    guard start.size < checkpoint.size else {
      throw Fault(
        .invalid, operation: "verify \(path)",
        reason: "its checkpoint is over \(checkpoint.size) records, and it begins with record \(start.size)",
        remedy: "restore the segment from a copy")
    }
    return Link(path: path, start: start, checkpoint: checkpoint)
  }

  private func replay(_ link: Link) throws -> AuditDefect? {
    let records = try AuditDescriptor(AuditDirectory(path: link.path).records, O_RDONLY)
    let result = try AuditReplay.run(
      records, verifier: verifier, checkpoint: link.checkpoint,
      kept: kept.filter { $0.checkpoint.size >= link.start.size && $0.checkpoint.size <= link.checkpoint.size },
      signatures: .every, visit: { _, _, body, _ in _ = try AuditRecord(canonicalBytes: body) })
    if var defect = result.defect {
      defect.segment = link.path
      return defect
    }
    guard result.sealedSize == link.checkpoint.size, result.size == result.sealedSize, result.tornBytes == 0 else {
      return AuditDefect(
        file: .records, index: link.checkpoint.size, offset: result.sealedEnd ?? 0,
        reason: "there is more than the \(link.checkpoint.size) records of the segment's checkpoint", segment: link.path
      )
    }
    return nil
  }

  private func missing(_ records: Range<UInt64>, _ other: Link?) -> AuditDefect {
    let other = other.map {
      "; \($0.path) has records \($0.start.size) to \($0.checkpoint.size - 1) only: it was cut short, set back, or left by an "
        + "archiving that was not finished"
    }
    return AuditDefect(
      file: .records, index: records.lowerBound, offset: 0,
      reason: "the segment \(AuditSegment.name(records)) is missing, in which the log has its records "
        + "\(records.lowerBound) to \(records.upperBound - 1)\(other ?? "")")
  }

  private func otherRoot(_ path: String, _ size: UInt64, _ start: AuditStart, _ root: TreeHash) -> AuditDefect {
    AuditDefect(
      file: .records, index: 0, offset: 0,
      reason: "the first \(size) records have the root \(root) in the segments, and what follows goes on from "
        + "\(start.frontier.root): one of the two was written anew, or is of another log", segment: path)
  }
}
