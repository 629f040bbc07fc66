import Faults
import Foundation
import Glibc
import Synchronization

/// Ports of this machine on which nobody listens, each given out once in this run.
///
/// They lie below those that Linux gives to outgoing connections (`net.ipv4.ip_local_port_range`, from 32768), so that
/// none of these takes one before a test's server does.
enum FreePort {
  private static let range = UInt16(12_000)...31_900
  private static let given = Mutex<Set<UInt16>>([])

  /// - Parameter count: how many in a row are free.
  /// - Returns: the first of them.
  /// - Throws: `Fault(.exhausted)` after a thousand that were taken.
  static func choose(_ count: UInt16 = 1) throws -> UInt16 {
    for _ in 0..<1_000 {
      let first = UInt16.random(in: range)
      let ports = first..<(first + count)
      guard ports.allSatisfy({ isFree($0, SOCK_STREAM) && isFree($0, SOCK_DGRAM) }) else { continue }
      let isNew = given.withLock { given in
        guard given.isDisjoint(with: ports) else { return false }
        given.formUnion(ports)
        return true
      }
      if isNew { return first }
    }
    throw Fault(
      .exhausted, operation: "find a free port", reason: "a thousand in \(range) were taken", remedy: "see 'ss -ltnup'")
  }

  /// On every address, and also by no connection that is at its end.
  private static func isFree(_ port: UInt16, _ type: __socket_type) -> Bool {
    let descriptor = socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    return withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    } == 0
  }
}
