import APIClient
import AsyncHTTPClient
import Faults
import Foundation
import KubernetesAPI
import NIOHTTP1
import NIOSSL
import Testing

@testable import AlertForwarding
@testable import SecretStore
@testable import ServerIdentities

/// Each client of ours that speaks TLS to a server that a person names.
///
/// The others check names by libraries of their own, which their tests show: Envoy's of hosts with a credential, Go's of
/// authorities and registries. What `verify` uses is a prober, and asks for no more than the authority.
enum Client: String, CaseIterable {
  case gateway, secretsManager, receiver, cluster

  /// Asks the server, by the host, for something that it answers.
  func ask(_ server: TLSServer, by host: String) async throws {
    let url = "https://\(host):\(server.port)"
    switch self {
    case .gateway:
      let client = APIClient(address: .gateway(url, roots: server.issuer))
      try await closing({ try await client.shutdown() }) { try await client.alive() }
    case .secretsManager:
      let client = VaultClient(address: try VaultAddress(urls: url, roots: server.issuer), patience: .zero)
      try await closing({ try await client.shutdown() }) { try await client.ask() }
    case .receiver:
      var base = HTTPClient.Configuration()
      base.tlsConfiguration = .makeClientConfiguration()
      base.tlsConfiguration?.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(server.issuer.utf8)))
      let post = SignedPost(
        try #require(WebhookURL(url)), secret: try WebhookSecret(Array(repeating: 1, count: 32), source: "test"),
        what: "a test", option: "--test", base: base)
      try await closing({ await post.close() }) { try await post.post([], type: "text/plain") }
    case .cluster:
      let client = try KubernetesClient(
        KubernetesConfiguration(
          server: ServerAddress(url, operation: "test"), authority: .inline(SecretBytes(Array(server.issuer.utf8))),
          origin: "the test"), fieldManager: "test", patience: .zero)
      try await closing({ try await client.shutdown() }) {
        _ = try await client.get(ResourceType(plural: "configmaps"), "a", namespace: "a")
      }
    }
  }

}

extension VaultClient {
  fileprivate func ask() async throws { _ = try await send(.GET, "sys/health", token: nil, operation: "test") }
}

private func closing(_ close: () async throws -> Void, _ body: () async throws -> Void) async throws {
  let result: Result<Void, any Error>
  do { result = .success(try await body()) } catch { result = .failure(error) }
  try await close()
  try result.get()
}

@Suite("A client of TLS", .timeLimit(.minutes(1))) struct ClientTests {
  @Test(
    "asks nothing of a server whose certificate is for another name, or for the address that the name leads to",
    arguments: Client.allCases, [["127.0.0.1", "::1"], ["other.localhost"]])
  func anotherName(client: Client, names: [String]) async throws {
    try await TLSServer.with(names: names) { server in
      let fault = await #expect(throws: Fault.self) { try await client.ask(server, by: "localhost") }
      #expect(
        fault?.code == .unavailable && fault?.reason.contains("certificate") == true, "\(String(describing: fault))")
      #expect(server.requests == 0)
    }
  }

  @Test("asks nothing by an address of a server whose certificate is for its name", arguments: Client.allCases)
  func nameAlone(client: Client) async throws {
    try await TLSServer.with(names: ["localhost", "127.0.0.2"]) { server in
      let fault = await #expect(throws: Fault.self) { try await client.ask(server, by: "127.0.0.1") }
      #expect(
        fault?.code == .unavailable && fault?.reason.contains("certificate") == true, "\(String(describing: fault))")
      #expect(server.requests == 0)
    }
  }

  @Test(
    "asks the server by a name or an address of its certificate", arguments: Client.allCases,
    ["localhost", "LOCALHOST", "127.0.0.1"])
  func itself(client: Client, host: String) async throws {
    try await TLSServer.with(names: [host.lowercased()]) { server in
      try await client.ask(server, by: host)
      #expect(server.requests == 1)
    }
  }

  @Test("asks each node of a cluster by its own name") func secondNode() async throws {
    try await TLSServer.with(names: ["127.0.0.1"]) { server in
      let client = VaultClient(
        address: try VaultAddress(urls: "https://localhost:1,https://127.0.0.1:\(server.port)", roots: server.issuer),
        patience: .seconds(20))
      try await closing({ try await client.shutdown() }) { try await client.ask() }
      #expect(server.requests == 1)
    }
  }

  @Test("asks the server by an address of IPv6", .enabled(if: hasIPv6), arguments: Client.allCases)
  func version6(client: Client) async throws {
    try await TLSServer.with(names: ["::1"], at: "::1") { server in
      try await client.ask(server, by: "[::1]")
      #expect(server.requests == 1)
    }
  }
}

/// Whether ::1 is an address of this machine.
private let hasIPv6 =
  (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?.contains("00000000000000000000000000000001")
  == true

@Suite("The name of a server") struct ServerIdentityTests {
  @Test(
    "is that of its certificate, in any case, or one label below a wildcard",
    arguments: [
      ("api.example", "api.example", true), ("API.example.", "api.EXAMPLE", true), ("a.b.example", "*.b.example", true),
      ("a.example", "b.example", false), ("b.example", "*.b.example", false), ("x.a.b.example", "*.b.example", false),
      (".b.example", "*.b.example", false), ("ab.example", "a*.example", false), ("", "", false),
      ("com", "*.com", false),
    ])
  func matches(name: String, pattern: String, expected: Bool) {
    #expect(
      ServerIdentity.matches(ServerIdentity.plain(name.utf8), ServerIdentity.plain(pattern.utf8)) == expected)
  }
}
