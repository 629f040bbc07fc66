import CLinux
import Faults
import Glibc

/// Where the sandboxes' traces come in: a Unix socket of sequenced packets, which root alone can reach.
struct TraceSocket: Sendable {
  /// Sandboxes that start at the same time.
  private static let backlog: Int32 = 128

  let descriptor: Int32

  /// Opens it as root, before the process gives root up; a socket that an earlier sentinel left is replaced.
  ///
  /// - Throws: `Fault(.failed)` with the kernel's reason.
  static func open(_ path: String) throws -> TraceSocket {
    let flags = Int32(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, flags, 0)
    guard descriptor >= 0 else { throw fault(path) }
    var place = sockaddr_un()
    place.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: place.sun_path)
    guard path.utf8.count < room else {
      Glibc.close(descriptor)
      throw Fault(
        .invalid, operation: "listen on \(path)", reason: "the path is longer than \(room - 1) bytes",
        remedy: "choose a shorter --state-dir")
    }
    withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8) }
    unlink(path)
    // Made with no permission for anybody but root.
    let mask = umask(0o177)
    let isBound = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    umask(mask)
    guard isBound, listen(descriptor, backlog) == 0 else {
      let failure = fault(path)
      Glibc.close(descriptor)
      throw failure
    }
    return TraceSocket(descriptor: descriptor)
  }

  func close() { Glibc.close(descriptor) }

  /// - Returns: `nil` when nobody waits.
  func accept() -> Int32? {
    let accepted = Glibc.accept(descriptor, nil, nil)
    guard accepted >= 0 else { return nil }
    _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)  // of an open descriptor it does not fail
    return accepted
  }

  private static func fault(_ path: String) -> Fault {
    Fault(
      .failed, operation: "listen on \(path)", reason: String(cString: strerror(errno)),
      remedy: "check that the directory exists and no other platform uses it")
  }
}
