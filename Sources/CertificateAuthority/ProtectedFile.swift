import Faults
import Glibc

/// A small file that decides whom the platform believes: read only while nobody else could have written it (or, for a
/// secret, read it), and never written over.
struct ProtectedFile {
  let path: String
  /// Whether nobody but the owner may read it.
  let isSecret: Bool
  private static let byteLimit = 16 * 1024

  /// - Returns: `nil` when there is no such file.
  /// - Throws: `Fault(.denied)` when others may write it, or read it though it is secret; `Fault(.failed)` when it is
  ///   no regular file, is too long, or cannot be read.
  func read() throws -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      if errno == ELOOP { throw broken("it is a symbolic link") }
      throw failure("open")
    }
    defer { close(descriptor) }
    try checkStatus(descriptor)
    var bytes = [UInt8](repeating: 0, count: Self.byteLimit + 1)
    var count = 0
    while count < bytes.count {
      let added = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      if added < 0 {
        if errno == EINTR { continue }
        throw failure("read")
      }
      if added == 0 { break }
      count += added
    }
    guard count <= Self.byteLimit else { throw broken("it is longer than \(Self.byteLimit) bytes") }
    return Array(bytes.prefix(count))
  }

  /// Puts the file in place whole, and returns when it is on the disk.
  ///
  /// - Throws: `Fault(.conflict)` when there is one already.
  func create(_ bytes: [UInt8]) throws {
    let temporary = "\(path).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, isSecret ? 0o600 : 0o644)
    guard descriptor >= 0 else { throw failure("create") }
    defer {
      close(descriptor)
      unlink(temporary)
    }
    var done = 0
    while done < bytes.count {
      let added = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done) }
      if added < 0 {
        if errno == EINTR { continue }
        throw failure("write")
      }
      done += added
    }
    guard fsync(descriptor) == 0 else { throw failure("write") }
    // A link, unlike a rename, fails when the name is taken.
    guard link(temporary, path) == 0 else {
      if errno == EEXIST {
        throw Fault(
          .conflict, operation: "create \(path)", reason: "another process made it meanwhile",
          remedy: "start again, one process at a time")
      }
      throw failure("create")
    }
    try synchronizeDirectory()
  }

  private func checkStatus(_ descriptor: Int32) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("stat") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw broken("it is no regular file") }
    guard status.st_uid == geteuid() || (status.st_uid == 0 && !isSecret) else {
      throw denied("it belongs to uid \(status.st_uid) instead of \(geteuid())", "chown it to \(geteuid())")
    }
    let forbidden: mode_t = isSecret ? 0o077 : 0o022
    guard status.st_mode & forbidden == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw denied(
        isSecret ? "others may read or write it (mode \(mode))" : "others may write it (mode \(mode))",
        isSecret
          ? "find out who read it; replace the key, or chmod it to 600 if nobody did" : "check it, then chmod it to 644"
      )
    }
  }

  private func synchronizeDirectory() throws {
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("create") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("create") }
  }

  func broken(_ reason: String) -> Fault {
    Fault(
      .failed, operation: "read \(path)", reason: reason,
      remedy: "restore it from a backup, or move it away to begin anew")
  }

  private func denied(_ reason: String, _ remedy: String) -> Fault {
    Fault(.denied, operation: "read \(path)", reason: reason, remedy: remedy)
  }

  private func failure(_ verb: String) -> Fault {
    Fault(
      .failed, operation: "\(verb) \(path)", reason: String(cString: strerror(errno)).lowercased(),
      remedy: "check the disk and who may use the directory")
  }
}
