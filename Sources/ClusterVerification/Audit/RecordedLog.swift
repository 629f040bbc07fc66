import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import KubernetesAPI
import KubernetesRendering
import Verification

/// The audit log that the cluster's recorder has, asked as the control plane asks it.
struct RecordedLog: Sendable {
  let site: ClusterSite
  /// The control plane's, by which it is asked.
  let token: String

  static func open(_ site: ClusterSite) async throws -> RecordedLog {
    RecordedLog(
      site: site,
      token: try await site.client.token(
        of: "control-plane", namespace: site.values.namespaces.controlPlane, audience: RecorderLayout.audience))
  }

  /// Of the newest records that are searched.
  static let mostSearched: UInt64 = 5_000
  /// Of which the tree is built anew.
  static let mostLeaves: UInt64 = 20_000

  static let cut = NotTestable(
    "more than \(mostSearched) records came since the run began, and no more are searched")

  private var door: PlatformDoor { PlatformDoor(site: site, program: "recorder") }

  func ask<Value: Sendable>(_ body: @escaping @Sendable (APIClient) async throws -> Value) async throws -> Value {
    try await door.open { way in try await way.client(token: token, body) }
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

  /// The newest records.
  func newest() async throws -> (records: [AuditRecordResource], isCut: Bool) {
    let size = try await checkpoint().size
    let from = size > Self.mostSearched ? size - Self.mostSearched : 0
    let records = try await records(from: from)
    return (records, Self.isCut(records, from: from, start: site.mark.start))
  }

  /// Whether some of a run's own records may be older than these.
  static func isCut(_ records: [AuditRecordResource], from: UInt64, start: Date) -> Bool {
    from > 0 && (records.first.map { $0.time > start } ?? true)
  }

  /// The newest record that fits; awaited, because alerts come after what they tell of.
  ///
  /// - Throws: `NotTestable` when there is none, and not all of the run's time was searched.
  func record(
    within patience: Duration, fits: @escaping @Sendable (AuditRecordResource) -> Bool
  ) async throws -> AuditRecordResource? {
    let deadline = ContinuousClock.now + patience
    while true {
      let (records, isCut) = try await newest()
      if let record = records.last(where: fits) { return record }
      guard ContinuousClock.now < deadline else {
        guard !isCut else { throw Self.cut }
        return nil
      }
      try await Task.sleep(for: .seconds(1))
    }
  }
}
