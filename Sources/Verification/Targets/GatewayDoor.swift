import AgentModel
import Faults
import Foundation

/// Where the gateway of a platform is reached from this machine, and how an agent behind it is called.
struct GatewayDoor: Sendable {
  let host: String
  let port: UInt16
  private let roots: String

  /// As the gateway's own configuration has it.
  init(_ layout: InstanceLayout) throws {
    struct Bootstrap: Decodable {
      struct Resources: Decodable { var listeners: [Listener] }
      struct Listener: Decodable { var address: Address }
      struct Address: Decodable { var socket_address: Socket? }
      struct Socket: Decodable {
        var address: String
        var port_value: UInt16
      }
      var static_resources: Resources
    }
    guard let data = FileManager.default.contents(atPath: layout.gatewayBootstrap),
      let bootstrap = try? JSONDecoder().decode(Bootstrap.self, from: data),  // the fault says what is wrong with it
      let place = bootstrap.static_resources.listeners.compactMap(\.address.socket_address).first
    else {
      throw Fault(
        .failed, operation: "find the gateway", reason: "\(layout.gatewayBootstrap) does not tell where it listens",
        remedy: "run 'lobstack doctor'")
    }
    host = ["0.0.0.0", "::"].contains(place.address) ? "127.0.0.1" : place.address
    port = place.port_value
    roots = layout.trustBundle
  }

  func client(options: [String] = []) -> TLSClient {
    TLSClient(place: .port(host: host, port), roots: roots, options: options)
  }

  /// Asks an agent for its page.
  func page(of agent: AgentID, token: String?) async throws -> TLSClient.Answer {
    let headers = token.map { ["Authorization: Bearer \($0)"] } ?? []
    return try await client().exchange(TLSClient.get("/agents/\(agent)/", host: host, headers: headers))
  }
}
