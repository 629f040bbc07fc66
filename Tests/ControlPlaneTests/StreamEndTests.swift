import HTTPTypes
import HummingbirdTesting
import Testing

@testable import ControlPlane

@Suite("A stream that is over at once", .timeLimit(.minutes(1))) struct StreamEndTests {
  /// One whose work ended before the end of its request was read took the whole process down: on a machine under load.
  @Test(
    "is an answer like any other, however many there are",
    arguments: ["/v1/tenants/default/agents/bot/logs", "/v1/alerts/stream?follow=false"])
  func many(uri: String) async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot")
        for _ in 0..<50 {
          try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { Int(try await caller.send(.get, uri).status.code) } }
            for try await code in group { #expect(code == 200) }
          }
        }
      }
    }
  }
}
