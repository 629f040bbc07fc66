import Faults
import Glibc

/// One open file of the audit log. Every failure names the file and what the kernel said.
final class AuditDescriptor: Sendable {
  let path: String
  private let number: Int32

  /// Opens a regular file, or with `O_DIRECTORY` a directory. What others put in its place neither blocks nor misleads.
  ///
  /// - Throws: `Fault(.notFound)` when there is no such file, else as `AuditDescriptor.fault`.
  init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws {
    self.path = path
    number = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)
    guard number >= 0 else { throw AuditDescriptor.fault("open", path) }
    guard try flags & O_DIRECTORY != 0 || status().st_mode & S_IFMT == S_IFREG else {
      throw Fault(
        .failed, operation: "open \(path)", reason: "it is no regular file",
        remedy: "find out who put it there, and restore the file from a backup")
    }
  }

  deinit { close(number) }

  /// - Returns: `false` when another process holds it.
  func lock() throws -> Bool {
    if flock(number, LOCK_EX | LOCK_NB) == 0 { return true }
    if errno == EWOULDBLOCK { return false }
    throw AuditDescriptor.fault("lock", path)
  }

  func unlock() { _ = flock(number, LOCK_UN) }

  func size() throws -> UInt64 { UInt64(max(0, try status().st_size)) }

  /// - Throws: `Fault(.denied)` unless this user alone may write to it.
  func requireOwn() throws {
    let status = try status()
    guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      throw Fault(
        .denied, operation: "trust \(path)",
        reason: "others may write to it: it is of uid \(status.st_uid), with mode "
          + String(status.st_mode & 0o7777, radix: 8),
        remedy: "look at what is in it, then 'chown \(geteuid())' and 'chmod go-w' it, or name another directory")
    }
  }

  private func status() throws -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw AuditDescriptor.fault("stat", path) }
    return status
  }

  /// Reads up to `buffer.count` bytes; fewer only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int {
    var done = 0
    while done < buffer.count {
      let count = pread(
        number, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + off_t(done))
      if count < 0 {
        if errno == EINTR { continue }
        throw AuditDescriptor.fault("read", path)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws {
    try bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let place = off_t(offset) + off_t(done)
        let count = pwrite(number, buffer.baseAddress?.advanced(by: done), buffer.count - done, place)
        if count < 0 {
          if errno == EINTR { continue }
          throw AuditDescriptor.fault("write", path)
        }
        done += count
      }
    }
  }

  /// Copies bytes to another file; fewer only when the file ends before.
  func copy(_ range: Range<UInt64>, to target: AuditDescriptor, at place: UInt64) throws {
    var offset = range.lowerBound
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while offset < range.upperBound {
      let wanted = Int(min(UInt64(buffer.count), range.upperBound - offset))
      let count = try buffer.withUnsafeMutableBytes {
        try read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]), at: offset)
      }
      guard count > 0 else { return }
      try target.write(Array(buffer.prefix(count)), at: place + (offset - range.lowerBound))
      offset += UInt64(count)
    }
  }

  /// What is read next comes from the disk again, as far as the kernel lets go of what it holds.
  func forget() { posix_fadvise(number, 0, 0, POSIX_FADV_DONTNEED) }

  /// Returns when bytes and size are on the disk.
  func synchronize() throws {
    guard fdatasync(number) == 0 else { throw AuditDescriptor.fault("synchronize", path) }
  }

  func truncate(to size: UInt64) throws {
    guard ftruncate(number, off_t(size)) == 0 else { throw AuditDescriptor.fault("truncate", path) }
  }

  /// The fault of the last system call: `.exhausted` when room is missing, `.notFound`, else `.failed`.
  static func fault(_ verb: String, _ path: String, code: Int32 = errno) -> Fault {
    let reason = String(cString: strerror(code)).lowercased()
    switch code {
    case ENOSPC, EDQUOT, EFBIG:
      return Fault(
        .exhausted, operation: "\(verb) \(path)", reason: reason, remedy: "make room for the audit log, then try again")
    case ENOENT:
      return Fault(
        .notFound, operation: "\(verb) \(path)", reason: reason, remedy: "name a directory with an audit log")
    default:
      return Fault(
        .failed, operation: "\(verb) \(path)", reason: reason, remedy: "check the disk and who may write there")
    }
  }
}
