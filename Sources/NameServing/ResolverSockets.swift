import AgentModel
import Faults
import Glibc
import NameResolution

/// The sockets that agents' queries come to.
///
/// Bound to one address, so that every answer comes from the address that was asked.
struct ResolverSockets: Sendable {
  /// Bytes of queries that wait in the kernel: some ten thousand, so that a short burst loses none.
  private static let receiveBuffer: Int32 = 4 << 20
  private static let backlog: Int32 = 128

  let datagrams: Int32
  let listener: Int32
  let address: IPv4Address
  let port: UInt16

  /// Opens them before the process gives up root, which a port below 1024 and the large buffer need.
  ///
  /// - Parameters:
  ///   - address: need not be there yet: whoever owns it may add it later.
  ///   - port: 0 lets the kernel choose one.
  /// - Throws: `Fault(.failed)` with the kernel's reason.
  static func open(address: IPv4Address, port: UInt16) throws -> ResolverSockets {
    let datagrams = try bound(SOCK_DGRAM, address, port)
    var owned = [datagrams]
    do {
      // Forced beyond the system's limit where root may; else what the limit allows.
      var size = receiveBuffer
      let length = socklen_t(MemoryLayout<Int32>.size)
      if setsockopt(datagrams, SOL_SOCKET, SO_RCVBUFFORCE, &size, length) != 0 {
        _ = setsockopt(datagrams, SOL_SOCKET, SO_RCVBUF, &size, length)
      }
      let chosen = try localPort(datagrams, address)
      let listener = try bound(SOCK_STREAM, address, chosen)
      owned.append(listener)
      guard listen(listener, backlog) == 0 else { throw fault(address, chosen) }
      return ResolverSockets(datagrams: datagrams, listener: listener, address: address, port: chosen)
    } catch {
      for descriptor in owned { Glibc.close(descriptor) }
      throw error
    }
  }

  func close() {
    Glibc.close(datagrams)
    Glibc.close(listener)
  }

  private static func bound(_ type: __socket_type, _ address: IPv4Address, _ port: UInt16) throws -> Int32 {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, Int32(type.rawValue) | flags, 0)
    guard descriptor >= 0 else { throw fault(address, port) }
    var yes: Int32 = 1
    let length = socklen_t(MemoryLayout<Int32>.size)
    // The address belongs to an interface that a restart of the node may make anew. Only TCP's ports rest after use;
    // for UDP the option would let another process take a part of the queries.
    var isBound = setsockopt(descriptor, Int32(IPPROTO_IP), IP_FREEBIND, &yes, length) == 0
    if type == SOCK_STREAM {
      isBound = isBound && setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, length) == 0
    }
    var place = SocketAddress(address: address, port: port).system
    isBound =
      isBound
      && withUnsafePointer(to: &place) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
    guard isBound else {
      let failure = fault(address, port)
      Glibc.close(descriptor)
      throw failure
    }
    return descriptor
  }

  private static func localPort(_ descriptor: Int32, _ address: IPv4Address) throws -> UInt16 {
    var place = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard result == 0 else { throw fault(address, 0) }
    return SocketAddress(place).port
  }

  private static func fault(_ address: IPv4Address, _ port: UInt16) -> Fault {
    Fault(
      .failed, operation: "listen for DNS queries on \(address):\(port)", reason: String(cString: strerror(errno)),
      remedy: "see that nothing else has the port, and that the process may open it: below 1024 root alone may")
  }
}

/// An IPv4 address with a port.
struct SocketAddress: Hashable, Sendable {
  var address: IPv4Address
  var port: UInt16

  init(address: IPv4Address, port: UInt16) {
    self.address = address
    self.port = port
  }

  init(_ system: sockaddr_in) {
    address = IPv4Address(bits: UInt32(bigEndian: system.sin_addr.s_addr))
    port = UInt16(bigEndian: system.sin_port)
  }

  var system: sockaddr_in {
    var system = sockaddr_in()
    system.sin_family = sa_family_t(AF_INET)
    system.sin_addr.s_addr = address.bits.bigEndian
    system.sin_port = port.bigEndian
    return system
  }
}
