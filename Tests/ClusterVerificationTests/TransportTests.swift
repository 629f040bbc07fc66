import Faults
import Foundation
import KubernetesAPI
import TestSupport
import Testing
import Verification

@testable import ClusterVerification

@Suite("A door of the platform", .timeLimit(.minutes(1))) struct DoorTests {
  private static let name = "recorder.lobstack.svc"

  /// With files of a certificate that vouches for itself, and its key.
  private func certified(_ body: (_ certificate: String, _ key: String) async throws -> Void) async throws {
    let directory = URL.temporaryDirectory.appending(path: "door-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let (certificate, key) = ("\(directory)/door.pem", "\(directory)/door.key")
    _ = try await openSSL([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
      certificate, "-days", "1", "-subj", "/CN=door", "-addext", "subjectAltName=DNS:\(Self.name)",
    ])
    try await body(certificate, key)
  }

  private func way(_ port: UInt16, _ certificate: String) throws -> PlatformDoor.Way {
    PlatformDoor.Way(
      port: port, pod: KubernetesObject(fields: [:]), roots: try String(contentsOfFile: certificate, encoding: .utf8),
      name: Self.name)
  }

  @Test("that closes at once is vouched for by nobody, and refuses nothing") func closing() async throws {
    try await certified { certificate, _ in
      let listener = try MuteListener(.closes)
      let way = try way(listener.port, certificate)
      #expect(try await !Shown(at: way).isVouchedFor)
      let outcome = try await TransportChecks.plainly(at: way, of: "recorder")
      #expect(outcome == .unknown("recorder does not answer by TLS 1.3"))
      withExtendedLifetime(listener) {}
    }
  }

  @Test("that speaks TLS 1.3 is vouched for, and refuses plain HTTP") func speaking() async throws {
    try await certified { certificate, key in
      let port = try MuteListener(.refuses).port
      let way = try way(port, certificate)
      async let server = openSSL(
        ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key, "-tls1_3", "-www"],
        timeout: .seconds(30))
      var shown = try await Shown(at: way)
      for _ in 0..<100 where !shown.isVouchedFor {
        try await Task.sleep(for: .milliseconds(20))
        shown = try await Shown(at: way)
      }
      #expect(shown.isVouchedFor)
      #expect(shown.text.contains("NIST CURVE: P-256"))
      let outcome = try await TransportChecks.plainly(at: way, of: "recorder")
      guard case .prevented = outcome else { Issue.record("\(outcome)"); return }
    }
  }
}

@Suite("Who shows no right token") struct TokenTests {
  private func fault(_ code: Fault.Code) -> Fault { Fault(code, operation: "ask", reason: "no", remedy: "none") }

  private func verdicts(_ ask: (String?) async throws -> AttackOutcome) async throws -> [Verdict] {
    try await TransportChecks.trials(
      [("without a token", nil), ("by a foreign one", "foreign")], "read", rightful: "right", ask
    )
    .map(\.verdict)
  }

  @Test("is refused by the program, not by the API server on the way there") func refusals() async throws {
    for code in [Fault.Code.denied, .unauthenticated] {
      guard
        case .prevented = try await TransportChecks.reached({
          try await TransportChecks.answer { throw fault(code) }
        })
      else { Issue.record("the program's own refusal is none"); return }
      guard case .unknown = try await TransportChecks.reached({ throw fault(code) }) else {
        Issue.record("the API server's refusal is the program's")
        return
      }
    }
    guard case .unknown = try await TransportChecks.answer({ throw fault(.unavailable) }) else {
      Issue.record("a program that is away refuses")
      return
    }
  }

  @Test("has to be refused while the right one is taken, before and after") func bracket() async throws {
    #expect(
      try await verdicts { $0 == "right" ? .succeeded("answered") : .prevented("refused") } == [.proven, .proven])
    #expect(
      try await verdicts { $0 != nil ? .succeeded("answered") : .prevented("refused") } == [.proven, .failed])
    var asked = 0
    let dying = try await verdicts { _ in
      asked += 1
      return asked == 1 ? .succeeded("answered") : .prevented("refused")
    }
    #expect(dying == [.notTestable, .notTestable])
  }
}
