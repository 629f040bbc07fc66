import Faults
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// How the server does, which it tells everybody.
package struct VaultHealth: Sendable, Hashable, Decodable {
  package let isInitialized: Bool
  package let isSealed: Bool
  package let isStandby: Bool
  package let version: String
  package let clusterName: String?
  /// Seconds since 1970, by the server's clock.
  package let time: Int64

  private enum CodingKeys: String, CodingKey {
    case version
    case isInitialized = "initialized"
    case isSealed = "sealed"
    case isStandby = "standby"
    case clusterName = "cluster_name"
    case time = "server_time_utc"
  }

  package var isReady: Bool { isInitialized && !isSealed }
}

/// How far an unsealing by shares is.
package struct SealStatus: Sendable, Hashable, Decodable {
  package let type: String
  package let isInitialized: Bool
  package let isSealed: Bool
  /// Shares that are needed, and that there are.
  package let threshold: Int
  package let shares: Int
  /// Shares that were given so far.
  package let progress: Int
  package let version: String

  private enum CodingKeys: String, CodingKey {
    case type, progress, version
    case isInitialized = "initialized"
    case isSealed = "sealed"
    case threshold = "t"
    case shares = "n"
  }
}

/// What a first start answers: the only copy of the shares.
package struct UnsealShares: Sendable, CustomStringConvertible, CustomReflectable {
  /// Secret.
  package let shares: [String]
  package let rootToken: VaultToken

  package var description: String { "[\(shares.count) unseal shares]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The system backend, as far as it needs no token.
extension VaultClient {
  package func health() async throws -> VaultHealth {
    // Every state with the same status: the body tells them apart.
    let bytes = try await send(
      .GET, "sys/health", query: "standbyok=true&sealedcode=200&uninitcode=200&perfstandbyok=true", token: nil,
      // It asks nothing of the store.
      limit: .seconds(2), operation: "ask the secrets manager for its health")
    return try decoded(bytes, operation: "ask the secrets manager for its health")
  }

  package func sealStatus() async throws -> SealStatus {
    let bytes = try await send(.GET, "sys/seal-status", token: nil, operation: "ask for the seal")
    return try decoded(bytes, operation: "ask for the seal")
  }

  /// Gives one share of the unseal key.
  ///
  /// - Throws: `Fault(.invalid)` for a share that is none, or that does not belong to the others.
  @discardableResult
  package func unseal(share: String) async throws -> SealStatus {
    let body = Array(try JSONEncoder().encode(["key": share]))
    let bytes = try await send(.POST, "sys/unseal", body: body, token: nil, operation: "unseal the secrets manager")
    return try decoded(bytes, operation: "unseal the secrets manager")
  }

  /// Makes an empty server's master key, in shares.
  package func initialize(shares: Int, threshold: Int) async throws -> UnsealShares {
    struct Answer: Decodable {
      var keys_base64: [String]
      var root_token: String
    }
    let operation = "initialise the secrets manager"
    let body = Array(try JSONEncoder().encode(["secret_shares": shares, "secret_threshold": threshold]))
    let bytes = try await send(.POST, "sys/init", body: body, token: nil, limit: .seconds(60), operation: operation)
    let answer: Answer = try decoded(bytes, operation: operation)
    return UnsealShares(shares: answer.keys_base64, rootToken: VaultToken(answer.root_token))
  }

  private func decoded<Value: Decodable>(_ bytes: [UInt8], operation: String) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch {
      // What the decoder says may quote the answer.
      throw Fault(
        .failed, operation: operation, reason: "the answer of \(address) is not that of Vault's API",
        remedy: "check the address, and the version of the secrets manager")
    }
  }
}

/// The system backend, for a token.
extension Vault {
  /// The accessor of an auth mount, which names it in aliases.
  package func accessor(ofAuthMount mount: String) async throws -> String {
    struct Mount: Decodable, Sendable { var accessor: String }
    let mount: Mount = try await content(.GET, "sys/auth/\(mount)")
    return mount.accessor
  }

  /// Gives the store's own key another version, for what is written from now on.
  package func rotateStoreKey() async throws {
    do { try await send(.POST, "sys/rotate/keyring") } catch let fault as Fault
      where [.notFound, .unsupported].contains(fault.code)
    {
      // HashiCorp Vault's name of it.
      try await send(.POST, "sys/rotate")
    }
  }

  /// Longest snapshot, in bytes.
  static let longestSnapshot = 1 << 30

  /// The whole store as one archive, encrypted as it is on disk.
  package func snapshot() async throws -> [UInt8] {
    try await withToken {
      try await client.send(
        .GET, "sys/storage/raft/snapshot", token: $0, longest: Self.longestSnapshot, limit: .minutes(10),
        operation: "take a snapshot")
    }
  }

  /// Replaces the store by what a snapshot holds.
  ///
  /// - Parameter force: also one of another cluster, which only the unseal keys of that one open.
  package func restore(snapshot: [UInt8], force: Bool = false) async throws {
    _ = try await withToken {
      try await client.send(
        .POST, "sys/storage/raft/snapshot\(force ? "-force" : "")", body: snapshot, token: $0, limit: .minutes(10),
        operation: "restore a snapshot")
    }
  }
}

/// How a cluster's nodes agree (`sys/storage/raft/autopilot/state`).
package struct ClusterState: Sendable, Decodable {
  package struct Node: Sendable, Decodable {
    package let name: String
    package let address: String
    package let status: String
    package let healthy: Bool
  }

  package let healthy: Bool
  /// Nodes that may fail before it stops.
  package let failureTolerance: Int
  /// The same of a cluster as it is now: of one that is not healthy none may fail, and nothing else is called highly
  /// available.
  package var tolerance: Int { healthy ? failureTolerance : 0 }
  package let leader: String
  package let nodes: [String: Node]

  private enum CodingKeys: String, CodingKey {
    case healthy, leader
    case failureTolerance = "failure_tolerance"
    case nodes = "servers"
  }
}

extension Vault {
  /// - Returns: `nil` from a server with another storage than Raft, or for a token that may not know.
  package func clusterState() async throws -> ClusterState? {
    do { return try await content(.GET, "sys/storage/raft/autopilot/state") } catch let fault as Fault
      where [.denied, .invalid, .notFound, .unsupported].contains(fault.code)
    {
      return nil
    }
  }
}
