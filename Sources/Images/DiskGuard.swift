import AgentModel
import Faults
import Glibc

/// Keeps an unpacking from filling the disk that every agent's workspace is on too.
struct DiskGuard: Sendable {
  let directory: String
  let reference: ImageReference

  /// Stays free, whatever is unpacked.
  static let reserve: Int64 = 512 << 20
  static let reservedEntries: UInt = 10_000
  private static let interval = Duration.milliseconds(200)

  /// - Throws: `Fault` `.exhausted` when so much more does not fit.
  func require(bytes: Int64 = 0) throws {
    var status = statvfs()
    // A file system that does not tell has no say; writing to it will.
    guard statvfs(directory, &status) == 0 else { return }
    let free = Int64(clamping: status.f_bavail) * Int64(clamping: status.f_frsize)
    guard free - bytes >= Self.reserve else {
      throw Fault(
        .exhausted, operation: "unpack image \(reference)",
        reason: "the disk of \(directory) has \(free >> 20) MiB free; the image needs \(bytes >> 20) MiB and "
          + "\(Self.reserve >> 20) MiB stay reserved",
        remedy: "free disk space, or delete agents whose images nobody else uses")
    }
    // Zero in all means that the file system makes entries as needed.
    guard status.f_files == 0 || status.f_favail >= Self.reservedEntries else {
      throw Fault(
        .exhausted, operation: "unpack image \(reference)",
        reason: "the disk of \(directory) has \(status.f_favail) free inodes", remedy: "remove files from it")
    }
  }

  /// Runs `work`, and cancels it as soon as the reserve is touched.
  func watch<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await work() }
      group.addTask {
        while true {
          try require()
          try await Task.sleep(for: Self.interval)
        }
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }
}
