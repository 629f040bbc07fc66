import TestSupport
import Testing
import Verification

@Suite("Plain HTTP to a port of TLS") struct PlainSpeechTests {
  private func outcome(_ manner: MuteListener.Manner) async throws -> AttackOutcome {
    let listener = try MuteListener(manner)
    defer { withExtendedLifetime(listener) {} }
    return try await speakPlainly(to: "127.0.0.1", listener.port, patience: 0.2)
  }

  @Test("is refused by who closes the connection") func closed() async throws {
    guard case .prevented = try await outcome(.closes) else { Issue.record("it counts as no refusal"); return }
  }

  @Test("is refused by nobody who is not there, or says nothing", arguments: [MuteListener.Manner.silent, .refuses])
  func unknown(manner: MuteListener.Manner) async throws {
    guard case .unknown = try await outcome(manner) else { Issue.record("it counts as a refusal"); return }
  }
}
