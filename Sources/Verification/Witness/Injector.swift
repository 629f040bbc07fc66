import CLinux
import Faults
import Foundation
import Glibc
import KernelFiles

/// Puts packets on a sandbox's own interface, past gVisor: what whoever had broken gVisor could send.
struct Injector: Sendable {
  private let descriptor: SocketHandle
  private let ownAddress: [UInt8]
  private let peerAddress: [UInt8]

  /// - Parameters:
  ///   - interface: the sandbox's end of the veth pair, inside the namespace.
  ///   - peer: the host's end.
  static func open(namespace: String, interface: String, peer: String) async throws -> Injector {
    let text = try kernelFile("/sys/class/net/\(peer)/address")
    let peerAddress = text.split(whereSeparator: { $0 == ":" || $0.isWhitespace }).compactMap { UInt8($0, radix: 16) }
    return try await inNetworkNamespace(namespace) {
      var address = [UInt8](repeating: 0, count: 6)
      let descriptor = lobstack_packet_socket(interface, &address)
      guard descriptor >= 0 else { throw networkFailure("open \(interface) of \(namespace)") }
      return Injector(descriptor: SocketHandle(descriptor), ownAddress: address, peerAddress: peerAddress)
    }
  }

  func send(_ packets: [Packet]) throws {
    for packet in packets {
      let frame = packet.frame(from: ownAddress, to: peerAddress)
      guard Glibc.send(descriptor.number, frame, frame.count, 0) == frame.count else {
        throw networkFailure("send a packet to \(packet.destination)")
      }
    }
  }
}

/// Closes a socket with its last user.
final class SocketHandle: Sendable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }
}
