import AgentModel
import Faults
import Glibc
import Testing

@testable import Supervision

@Suite("Where the gateway is to listen") struct GatewayAddressTests {
  private func address(_ text: String) throws -> GatewayAddress {
    GatewayAddress(address: try #require(ListenAddress(text)), option: "--listen")
  }

  @Test("is free, or the error says who to look for") func taken() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, size)
        _ = getsockname(listener, $0, &size)
      }
    }
    let port = UInt16(bigEndian: place.sin_port)
    // Bound, and not listening yet: still nobody waits there.
    listen(listener, 1)
    for text in ["127.0.0.1:\(port)", "0.0.0.0:\(port)"] {
      let fault = #expect(throws: Fault.self) { try address(text).requireFree() }
      #expect(fault?.code == .conflict)
      #expect(fault?.remedy.contains("ss -ltnp sport = :\(port)") == true)
    }
    try address("127.0.0.2:\(port)").requireFree()
    try address("[::1]:\(port)").requireFree()
  }

  @Test("is an address of this machine") func foreign() throws {
    let fault = #expect(throws: Fault.self) { try address("192.0.2.1:20443").requireFree() }
    #expect(fault?.code == .invalid)
  }
}

@Suite("The rights of an unprivileged process") struct RightsTests {
  @Test("are none, but for low ports where it needs them") func rights() {
    #expect(Platform.unprivileged("u").contains("--bounding-set=-all"))
    #expect(!Platform.unprivileged("u").contains { $0.contains("ambient") })
    let low = Platform.unprivileged("u", bindsLowPorts: true)
    #expect(low.contains("--bounding-set=-all,+net_bind_service"))
    #expect(low.contains("--ambient-caps=-all,+net_bind_service") && low.contains("--no-new-privs"))
  }
}
