import CLinux
import Dispatch
import Faults
import Foundation
import Glibc
import Synchronization
import Threads

/// Reads the events of dropped packets from the kernel, on a thread of its own.
///
/// Opening needs root. After that the process may drop every privilege: the kernel goes on sending to the open socket.
package final class DenialReader: Sendable {
  /// How long one wait for events lasts, so how late the thread sees that it shall stop.
  private static let waitMilliseconds: Int32 = 200
  /// Room for events that were not read yet; about 10,000 of them.
  private static let receiveBuffer: Int32 = 4 << 20
  /// Bytes of each packet that the kernel hands over.
  private static let copy: UInt32 = 96

  private let descriptor: Int32
  private let window = Mutex(DenialWindow())
  private let thread = ServiceThread(name: "denial-reader")

  /// - Throws: `Fault(.failed)` when the socket cannot be bound to the group, as without CAP_NET_ADMIN.
  package static func open(group: UInt16) throws -> DenialReader {
    let descriptor = lobstack_nflog_open(group, copy, receiveBuffer, waitMilliseconds)
    guard descriptor >= 0 else {
      throw Fault(
        .failed, operation: "read the events of NFLOG group \(group)", reason: String(cString: strerror(errno)),
        remedy: "start the sentinel as root (it drops its privileges itself) and see that nothing else reads the group")
    }
    return DenialReader(descriptor: descriptor)
  }

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Starts the thread. The reader lives as long as its thread: call `stop()`.
  package func start() { thread.start { [self] in read() } }

  package func stop() { thread.stop() }

  /// What came since the last call.
  package func drain() -> DenialWindow.Contents { window.withLock { $0.drain() } }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 1 << 17)
    var failures = 0
    while thread.isRunning {
      let count = lobstack_netlink_receive(descriptor, &buffer, buffer.count)
      if count >= 0 {
        failures = 0
        take(buffer.prefix(count))
      } else if errno == ENOBUFS {
        window.withLock { $0.addOverrun() }
      } else if errno != EAGAIN, errno != EINTR, errno != EPROTO {
        // Not to be expected of an open socket; slow down instead of burning a processor.
        failures += 1
        usleep(UInt32(min(failures, 10)) * 100_000)
      }
    }
  }

  private func take(_ datagram: ArraySlice<UInt8>) {
    let packets = parseDenials(datagram)
    guard !packets.isEmpty else { return }
    let time = Int64(Date().timeIntervalSince1970 * 1_000_000_000)
    var names: [UInt32: String] = [:]
    for index in Set(packets.compactMap(\.interfaceIndex)) { names[index] = interfaceName(index) }
    window.withLock { window in
      for packet in packets {
        window.add(packet, interface: packet.interfaceIndex.flatMap { names[$0] }, time: time)
      }
    }
  }
}

/// - Returns: `nil` when the interface is gone.
private func interfaceName(_ index: UInt32) -> String? {
  var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
  guard if_indextoname(index, &name) != nil else { return nil }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
