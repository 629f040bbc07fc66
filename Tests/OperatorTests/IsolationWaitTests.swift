import Faults
import NIOCore
import NIOPosix
import Testing

@testable import Operator

@Suite("The wait for an agent's isolation") struct IsolationWaitTests {
  private func wait(_ port: Int, limit: Duration) -> IsolationWait {
    var wait = IsolationWait(host: "127.0.0.1", port: port, limit: limit)
    wait.settling = .milliseconds(1)
    return wait
  }

  @Test("lasts while the closed address answers, and no longer") func lasts() async throws {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    let open = await #expect(throws: Fault.self) { try await wait(port, limit: .zero).run() }
    #expect(open?.code == .denied && open?.reason.contains("127.0.0.1:\(port)") == true)
    try await server.close()
    try await wait(port, limit: .zero).run()
  }

  @Test("does not take a network that is not there yet for a closed one") func nothing() async throws {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    // Nobody listens at port 1.
    var closed = wait(1, limit: .zero)
    closed.open = ("127.0.0.1", port)
    try await closed.run()
    try await server.close()
    let fault = await #expect(throws: Fault.self) { try await closed.run() }
    #expect(fault?.code == .unavailable && fault?.reason.contains("127.0.0.1:\(port)") == true)
  }

  @Test("asks the API server of its cluster, and is refused outside of one") func environment() throws {
    let wait = try IsolationWait(
      environment: ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"], limit: .zero)
    #expect(wait.host == "fd00::1" && wait.port == 443)
    for environment in [
      [:], ["KUBERNETES_SERVICE_HOST": "", "KUBERNETES_SERVICE_PORT": "443"],
      ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "https"],
    ] {
      #expect(throws: Fault.self) { try IsolationWait(environment: environment, limit: .zero) }
    }
  }

  @Test("takes no failure for a closed network that says nothing of one") func unknown() async throws {
    await #expect(throws: Fault.self) {
      try await IsolationWait(host: "kubernetes.default", port: 443, limit: .zero).run()
    }
  }
}
