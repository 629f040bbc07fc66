import Glibc
import NIOCore

/// Who is at the other end of a Unix socket, by the kernel's word (unix(7), SO_PEERCRED): of the moment it connected.
///
/// The fields are those of the kernel's `struct ucred`; ids are `UInt32.max` when there is no such process.
package struct PeerCredentials: Sendable {
  package var pid: Int32 = 0
  package var uid: UInt32 = UInt32.max
  package var gid: UInt32 = UInt32.max

  /// - Returns: `nil` when the channel is none of a socket.
  /// - Throws: what the kernel answers when it does not tell.
  package static func of(_ channel: any Channel) async throws -> PeerCredentials? {
    guard let options = channel as? any SocketOptionProvider else { return nil }
    return try await options.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED)).get()
  }
}
