import APIClient
import APIModel
import AgentModel
import Faults
import KubernetesAPI
import KubernetesRendering
import Verification

/// The audit log that the cluster's recorder has, asked as the control plane asks it.
struct RecordedLog: Sendable {
  let site: ClusterSite

  /// Of the newest records that are searched.
  static let mostSearched: UInt64 = 5_000
  /// Of which the tree is built anew.
  static let mostLeaves: UInt64 = 20_000

  private var door: PlatformDoor { PlatformDoor(site: site, program: "recorder") }

  func ask<Value: Sendable>(_ body: @escaping @Sendable (APIClient) async throws -> Value) async throws -> Value {
    let token = try await site.client.token(
      of: "control-plane", namespace: site.values.namespaces.controlPlane, audience: RecorderLayout.audience)
    return try await door.open { way in try await way.client(token: token, body) }
  }

  func checkpoint() async throws -> AuditCheckpointResource {
    try await ask { try await $0.auditCheckpoint() }
  }

  func proof(of index: UInt64) async throws -> AuditProofResource {
    try await ask { try await $0.auditProof(index: index) }
  }

  /// Records from a number on, at most up to the end of the log as it is now.
  func records(from first: UInt64) async throws -> [AuditRecordResource] {
    try await ask { client in
      var records: [AuditRecordResource] = []
      var from = first
      while true {
        let page = try await client.audit(from: from, limit: APIProtocol.longestPage)
        records += page.items
        guard let next = page.next.flatMap(UInt64.init), next > from, !page.items.isEmpty else { return records }
        from = next
      }
    }
  }

  /// The newest records, and those only that fit; awaited, because alerts come after what they tell of.
  func record(
    within patience: Duration, fits: @escaping @Sendable (AuditRecordResource) -> Bool
  ) async throws -> AuditRecordResource? {
    let deadline = ContinuousClock.now + patience
    while true {
      let size = try await checkpoint().size
      let records = try await records(from: size > Self.mostSearched ? size - Self.mostSearched : 0)
      if let record = records.last(where: fits) { return record }
      guard ContinuousClock.now < deadline else { return nil }
      try await Task.sleep(for: .seconds(1))
    }
  }
}
