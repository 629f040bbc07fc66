import Glibc
import NIOCore
import NIOPosix

/// The kernel's `struct ucred` (unix(7)).
private struct PeerCredentials {
  var pid: Int32 = 0
  var uid: UInt32 = UInt32.max
  var gid: UInt32 = UInt32.max
}

/// Asks the kernel who connected; whatever cannot be told is `.remote`, which needs a token.
func connectedPeer(of channel: any Channel) async -> Peer {
  guard case .unixDomainSocket? = channel.localAddress, let options = channel as? any SocketOptionProvider else {
    return .remote
  }
  do {
    let credentials: PeerCredentials = try await options.unsafeGetSocketOption(
      level: .socket, name: .init(rawValue: SO_PEERCRED)
    ).get()
    return credentials.uid == UInt32.max ? .remote : .unix(uid: credentials.uid)
  } catch {
    return .remote
  }
}

/// The id of a system user; `nil` when there is no such user.
func userID(named name: String) -> UInt32? {
  var entry = passwd()
  var found: UnsafeMutablePointer<passwd>?
  var strings = [CChar](repeating: 0, count: 16 << 10)
  guard getpwnam_r(name, &entry, &strings, strings.count, &found) == 0, found != nil else { return nil }
  return entry.pw_uid
}
