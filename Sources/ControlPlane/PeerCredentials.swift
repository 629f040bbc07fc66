import Glibc
import NIOCore
import SocketPeer

/// Asks the kernel who connected; whatever cannot be told is `.remote`, which needs a token.
func connectedPeer(of channel: any Channel) async -> Peer {
  guard case .unixDomainSocket? = channel.localAddress,
    let credentials = try? await PeerCredentials.of(channel), credentials.uid != UInt32.max
  else { return .remote }
  return .unix(uid: credentials.uid)
}

/// The id of a system user; `nil` when there is no such user.
func userID(named name: String) -> UInt32? {
  var entry = passwd()
  var found: UnsafeMutablePointer<passwd>?
  var strings = [CChar](repeating: 0, count: 16 << 10)
  guard getpwnam_r(name, &entry, &strings, strings.count, &found) == 0, found != nil else { return nil }
  return entry.pw_uid
}
