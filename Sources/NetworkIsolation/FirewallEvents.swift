import CLinux
import Faults
import Glibc
import Threads

/// Tells when somebody changes the instance's table, on a thread of its own.
///
/// It is a hint to look, no more: what was done is read back. Elements that come and go are not told, because each agent
/// that starts or ends is one.
package final class FirewallEvents: Sendable {
  /// How long one wait for events lasts, so how late the thread sees that it shall stop.
  private static let waitMilliseconds: Int32 = 200

  private let descriptor: Int32
  private let table: String
  private let thread = ServiceThread(name: "firewall-events")

  /// - Throws: `Fault(.failed)` when the kernel does not tell of them.
  init(table: String) throws {
    let descriptor = lobstack_nftables_open(Self.waitMilliseconds)
    guard descriptor >= 0 else {
      throw Fault(
        .failed, operation: "be told of changes of nftables", reason: String(cString: strerror(errno)),
        remedy: "start the node as root, on a kernel with nf_tables")
    }
    self.descriptor = descriptor
    self.table = table
  }

  deinit { close(descriptor) }

  /// Calls back from its thread, after each change and when changes may have been missed, until `stop()`.
  package func start(_ changed: @escaping @Sendable () -> Void) {
    thread.start { [self] in
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while thread.isRunning {
        let count = lobstack_netlink_receive(descriptor, &buffer, buffer.count)
        if count >= 0 {
          if concernsTable(buffer.prefix(count), table) { changed() }
        } else if errno == ENOBUFS {
          changed()
        } else if errno != EAGAIN, errno != EINTR, errno != EPROTO {
          usleep(1_000_000)  // not to be expected of an open socket; nobody waits for this thread
        }
      }
    }
  }

  package func stop() { thread.stop() }
}

extension NetworkIsolation {
  /// Changes of the instance's table, as the kernel tells them.
  package func events() throws -> FirewallEvents { try FirewallEvents(table: table.name) }
}

/// Whether messages of nfnetlink (linux/netfilter/nf_tables.h) tell that a table of this name, or a chain, a rule or a
/// set of it, came or went.
package func concernsTable(_ datagram: ArraySlice<UInt8>, _ table: String) -> Bool {
  NetlinkMessage.all(in: datagram).contains { message in
    guard message.type >> 8 == nftables, shapes.contains(message.type & 0xff) else { return false }
    // The first attribute of all these messages is the table's name; one without cannot be told from ours.
    guard let (kind, value) = message.attributes.first, kind == 1, !value.isEmpty else { return true }
    return String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) == table
  }
}

/// NFNL_SUBSYS_NFTABLES.
private let nftables: UInt16 = 10
/// NFT_MSG_NEW and NFT_MSG_DEL of TABLE, CHAIN, RULE and SET.
private let shapes: Set<UInt16> = [0, 2, 3, 5, 6, 8, 9, 11]
