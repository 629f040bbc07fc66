import APIModel
import Faults
import FoundationEssentials
import NIOHTTP1

/// Speaks to the recorder of a cluster, whose roots, and the token that is shown to it, are files that others renew.
package actor RecorderClient {
  package struct Settings: Hashable, Sendable {
    /// Its URL, `https://recorder.lobstack-control-plane.svc`.
    package var address: String
    /// File of the roots that vouch for it, PEM.
    package var authority: String
    /// File of a token of a service account, for its audience.
    package var token: String

    package init(address: String, authority: String, token: String) {
      self.address = address
      self.authority = authority
      self.token = token
    }
  }

  private let settings: Settings
  private var opened: (roots: Data, client: APIClient)?

  package init(_ settings: Settings) { self.settings = settings }

  package func shutdown() async throws {
    let client = opened?.client
    opened = nil
    try await client?.shutdown()
  }

  /// Runs a request. What the recorder itself answers passes.
  ///
  /// - Throws: `Fault(.unavailable)` when it is not reached.
  package nonisolated func ask<Answer: Sendable>(
    _ operation: String, _ body: @Sendable (APIClient) async throws -> Answer
  ) async throws -> Answer {
    do { return try await body(try await client(operation)) } catch let fault as Fault {
      throw Self.told(fault, operation)
    }
  }

  /// - Returns: when the record is durable, its index.
  @discardableResult
  package nonisolated func append(_ submission: AuditSubmission, operation: String) async throws -> UInt64 {
    try await ask(operation) { client in
      // Whoever waits for it has a limit himself.
      try await withDeadline(.seconds(10), operation: operation) {
        let receipt: AuditSubmissionReceipt = try await client.transport.call(
          .POST, "/v1/audit", body: .json(submission), operation: operation)
        return receipt.index
      }
    }
  }

  /// What it answers, as it came.
  package nonisolated func answer(
    of path: String, query: [(String, String?)], operation: String
  ) async throws -> [UInt8] {
    try await ask(operation) { client in
      try await client.transport.send(.GET, path, query: query, operation: operation)
    }
  }

  private func client(_ operation: String) async throws -> APIClient {
    guard let roots = FileManager.default.contents(atPath: settings.authority), !roots.isEmpty else {
      throw Fault(
        .unavailable, operation: operation,
        reason: "there is nothing yet in \(settings.authority), by which the recorder is known",
        remedy: "see docs/reference/kubernetes-recorder.md for how it gets there")
    }
    if let opened, opened.roots == roots { return opened.client }
    let before = opened?.client
    let client = APIClient(
      address: .gateway(settings.address, roots: String(decoding: roots, as: UTF8.self)), tokenFile: settings.token)
    opened = (roots, client)
    // What it was asked meanwhile is asked again by whoever wants it.
    try? await before?.shutdown()
    return client
  }

  /// That our own token is refused is no word about whoever asks us.
  private static func told(_ fault: Fault, _ operation: String) -> Fault {
    switch fault.code {
    case .unauthenticated, .denied:
      Fault(
        .unavailable, operation: operation, reason: "the recorder refuses this program: \(fault.reason)",
        remedy: "see the names of accounts in the recorder's arguments")
    case .unavailable, .timedOut:
      Fault(
        .unavailable, operation: operation, reason: "the recorder cannot be reached: \(fault.reason)",
        remedy: "see the StatefulSet 'recorder', and its log")
    default: fault
    }
  }
}
