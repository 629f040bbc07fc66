import Faults
import Files
import Glibc
import Logging
import NameResolution

/// The table's file, read again when it changed. A broken file changes nothing, and is told of once.
package struct TableFile: NameSource {
  /// Between two looks at the file, nanoseconds.
  private static let interval: Int64 = 200_000_000

  private let path: String
  private let logger: Logger
  private var stamp: FileStamp?
  private var problem: String?
  private var lastLook: Int64?

  package init(path: String, logger: Logger) {
    self.path = path
    self.logger = logger
  }

  package mutating func update(_ resolver: inout Resolver, now: Int64, isUrgent: Bool) -> Bool {
    if !isUrgent, let lastLook, now - lastLook < Self.interval { return false }
    lastLook = now
    guard let table = changed() else { return false }
    resolver = Resolver(table: table, replacing: resolver)
    return true
  }

  /// - Returns: the new table, if there is a good one.
  private mutating func changed() -> ResolverTable? {
    guard let status = FileStatus(following: path) else {
      tell("\(path): \(String(cString: strerror(errno)))")
      stamp = nil
      return nil
    }
    let current = FileStamp(status)
    guard current != stamp else { return nil }
    do {
      let (read, text) = try self.read()
      stamp = read
      let table = try ResolverTable(text: text)
      problem = nil
      logger.info(
        "A table of the agents' names is in force",
        metadata: ["table.version": "\(table.version)", "table.agents": "\(table.agents.count)"])
      return table
    } catch {
      // The same broken bytes are not read again; a file that could not be read is.
      tell("\(error)")
      return nil
    }
  }

  /// - Returns: the stamp of what was read, which may already be newer than what was asked about.
  private func read() throws -> (FileStamp, [UInt8]) {
    func fault(_ reason: String) -> Fault {
      Fault(
        .failed, operation: "read \(path)", reason: reason,
        remedy: "let the node write the file anew, readable for the sentinel's user")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw fault(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    guard let status = FileStatus(descriptor: descriptor), status.isRegular else { throw fault("it is no file") }
    guard status.size <= ResolverTable.longestText else {
      throw fault("it has \(status.size) bytes, the limit is \(ResolverTable.longestText)")
    }
    var text = [UInt8](repeating: 0, count: status.size)
    var length = 0
    while length < text.count {
      let count = text.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw fault("it ended after \(length) of \(text.count) bytes") }
      length += count
    }
    return (FileStamp(status), text)
  }

  private mutating func tell(_ problem: String) {
    guard problem != self.problem else { return }
    self.problem = problem
    logger.error(
      "The table of the agents' names cannot be used; the last good one stays", metadata: ["error": "\(problem)"])
  }
}
