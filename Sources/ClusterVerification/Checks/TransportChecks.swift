import APIClient
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import KubernetesAPI
import KubernetesRendering
import Verification

/// MTLS-1 to 3 of profile lean, which has no mesh: the platform's programs speak TLS themselves, and know each other by
/// tokens of the cluster.
struct TransportChecks: Sendable {
  let site: ClusterSite
  let caller: Shared<APICaller>

  /// What people and callers speak to; what the platform's programs and the API server speak to.
  private static let (outer, inner) = (["agent-ingress", "control-plane"], ["recorder", "admission"])

  var all: [Check] {
    [
      check("MTLS-1", "the doors of the platform take TLS 1.3 only, with an ECDSA P-256 certificate", doors),
      check(
        "MTLS-2", "the platform's programs refuse plaintext, old TLS, and whoever shows no right token", services),
      check("MTLS-3", "certificates rotate with no failed request", rotation),
    ]
  }

  private func check(_ id: String, _ title: String, _ body: @escaping @Sendable () async throws -> Finding) -> Check {
    Check(id, layer: "identity", title: title, deadline: .seconds(120), isLong: true) {
      guard site.values.profile == .lean else {
        throw NotTestable("not attacked on a cluster of profile full: the mesh is not spoken to from a probe")
      }
      return try await body()
    }
  }

  private func door(_ program: String) -> PlatformDoor { PlatformDoor(site: site, program: program) }

  // MARK: MTLS-1

  private func doors() async throws -> Finding {
    var finding = Finding(try await versions(of: Self.outer))
    for program in Self.outer where finding.verdict == .proven {
      let shown = try await door(program).open { try await Shown(at: $0) }
      guard shown.isVouchedFor, shown.text.contains("NIST CURVE: P-256") else {
        return Finding(
          .failed, evidence: ["\(program) shows no P-256 certificate by TLS 1.3 that its own authority vouches for"])
      }
      finding.evidence.append("\(program) shows an ECDSA P-256 certificate by TLS 1.3 that its authority vouches for")
    }
    return finding
  }

  private func versions(of programs: [String]) async throws -> [Trial] {
    let server = site.client.configuration.server
    // Of the same client at a server that takes it: the cluster's own.
    let control = try await handshake(server.host, UInt16(server.port ?? 443), "-tls1_2", of: "the API server")
    var trials: [Trial] = []
    for program in programs {
      let door = door(program)
      trials.append(
        Trial(
          "speak TLS 1.2 to \(program)", withoutControl: control,
          withControl: try await door.open { way in
            try await handshake("127.0.0.1", way.port, "-tls1_2", of: program)
          }))
      trials.append(
        try await Trial.run("speak plain HTTP to \(program)") {
          try await door.openPlainly { try await Self.plainly($0) }
        } withControl: {
          try await door.open { try await Self.plainly(at: $0, of: program) }
        })
    }
    return trials
  }

  private static func plainly(_ port: UInt16) async throws -> AttackOutcome {
    try await speakPlainly(to: "127.0.0.1", port)
  }

  /// One that answers nobody has refused nothing: its port here takes every connection, and closes it when the Pod is away.
  static func plainly(at way: PlatformDoor.Way, of program: String) async throws -> AttackOutcome {
    let silence = AttackOutcome.unknown("\(program) does not answer by TLS 1.3")
    guard try await Shown(at: way).isVouchedFor else { return silence }
    let outcome = try await plainly(way.port)
    guard case .prevented = outcome else { return outcome }
    return try await Shown(at: way).isVouchedFor ? outcome : silence
  }

  private func handshake(
    _ host: String, _ port: UInt16, _ version: String, of server: String
  ) async throws -> AttackOutcome {
    let result = try await openSSL(
      ["s_client", "-brief", "-connect", "\(host.contains(":") ? "[\(host)]" : host):\(port)", version],
      timeout: .seconds(8))
    return Self.judgement(result.standardError, of: server)
  }

  /// - Parameter remarks: of `openssl s_client -brief`.
  static func judgement(_ remarks: String, of server: String) -> AttackOutcome {
    if remarks.contains("CONNECTION ESTABLISHED") { return .succeeded("\(server) takes it") }
    guard remarks.contains("alert protocol version") else {
      return .unknown("\(server): \(oneLine(String(remarks.prefix(160))))")
    }
    return .prevented("\(server) refuses the version, by an alert")
  }

  // MARK: MTLS-2

  private func services() async throws -> Finding {
    let caller = try await caller.value
    return Finding(try await versions(of: Self.inner) + tokens(caller) + (try await callers(caller)))
  }

  /// Of the recorder, which two accounts of the platform speak to and nobody else.
  private func tokens(_ caller: APICaller) async throws -> [Trial] {
    let (space, right) = (site.values.namespaces.controlPlane, RecorderLayout.audience)
    func token(_ account: String, _ namespace: String, _ audience: String) async throws -> String {
      try await site.client.token(of: account, namespace: namespace, audience: audience)
    }
    let recorder = door("recorder")
    @Sendable func ask(_ token: String?) async throws -> AttackOutcome {
      try await Self.reached {
        try await recorder.open { way in
          try await Self.answer { try await way.client(token: token) { _ = try await $0.auditCheckpoint() } }
        }
      }
    }
    let rightful = try await token("control-plane", space, right)
    let attempts: [(String, String?)] = [
      ("without a token", nil), ("by a token that is made up", "e30.e30.e30"),
      ("by the control plane's token for another audience", try await token("control-plane", space, "lobstack")),
      ("by another account's token for its audience", try await token(ClusterSite.account, site.bareNamespace, right)),
    ]
    return try await Self.trials(attempts, "read the recorder's log", rightful: rightful, ask)
  }

  /// Of the control plane, which everybody may speak to who is known.
  private func callers(_ caller: APICaller) async throws -> [Trial] {
    @Sendable func ask(_ token: String?) async throws -> AttackOutcome {
      try await Self.reached {
        try await caller.controlPlane.open { way in
          try await Self.answer {
            try await way.client(token: token) { _ = try await $0.agents(tenant: site.tenant, limit: 1) }
          }
        }
      }
    }
    let foreign = try await site.client.token(
      of: ClusterSite.account, namespace: site.bareNamespace, audience: "https://kubernetes.default.svc")
    let attempts = [("without a token", nil), ("by a token that is for the API server", foreign)]
    return try await Self.trials(attempts, "list Agents", rightful: caller.allowed.token, ask)
  }

  /// - Parameter rightful: is asked with before and after: who refuses everybody by then has not refused the others alone.
  static func trials(
    _ attempts: [(String, String?)], _ attack: String, rightful: String,
    _ ask: (String?) async throws -> AttackOutcome
  ) async throws -> [Trial] {
    var control = try await ask(rightful)
    var outcomes: [AttackOutcome] = []
    for (_, token) in attempts { outcomes.append(try await ask(token)) }
    if case .succeeded = control { control = try await ask(rightful) }
    return zip(attempts, outcomes).map {
      Trial("\(attack) \($0.0)", withoutControl: control, withControl: $1)
    }
  }

  /// What the API server says to the run itself, on the way, is no answer of the program.
  static func reached(_ body: () async throws -> AttackOutcome) async throws -> AttackOutcome {
    do { return try await body() } catch let fault as Fault { return .unknown("not reached: \(oneLine(fault.reason))") }
  }

  static func answer(_ ask: () async throws -> Void) async throws -> AttackOutcome {
    do {
      try await ask()
      return .succeeded("it is answered")
    } catch let fault as Fault where [.unauthenticated, .denied].contains(fault.code) {
      return .prevented("refused: \(oneLine(fault.reason))")
    } catch let fault as Fault { return .unknown("not answered: \(oneLine(fault.reason))") }
  }

  // MARK: MTLS-3

  /// What can be read of it: nothing on a cluster is made to rotate for a test, which would take weeks.
  private func rotation() async throws -> Finding {
    var told: [String] = []
    for program in Self.outer + Self.inner {
      let door = door(program)
      let kept = try await Shown(pem: door.secret()["tls.crt"] ?? "")
      let shown = try await door.open { try await Shown(at: $0) }
      guard shown.isVouchedFor, let end = shown.end else {
        return Finding(
          .failed, evidence: ["\(program) shows no certificate that its authority vouches for, or one that ended"])
      }
      guard shown.fingerprint == kept.fingerprint else {
        return Finding(
          .failed,
          evidence: ["\(program) shows another certificate than its Secret has: what was renewed did not arrive"])
      }
      told.append("\(program) shows the certificate of its Secret, which ends \(end)")
    }
    return Finding(
      .notTestable,
      evidence: ["not attacked on a cluster: a rotation takes weeks; what is read: " + told.joined(separator: "; ")])
  }
}

/// A certificate, by what OpenSSL says of it.
struct Shown: Sendable {
  /// Of `openssl x509 -text`.
  let text: String
  let fingerprint: String
  /// In OpenSSL's words.
  let end: String?
  /// Whether TLS 1.3 was spoken to its end with an authority that vouches for it and for its name.
  var isVouchedFor = false

  init(at way: PlatformDoor.Way) async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "lobstack-roots-\(UUID().uuidString)").path
    try way.roots.write(toFile: file, atomically: false, encoding: .utf8)
    defer { unlink(file) }
    let result = try await openSSL(
      [
        "s_client", "-connect", "127.0.0.1:\(way.port)", "-tls1_3", "-servername", way.name, "-CAfile", file,
        "-verify_hostname", way.name,
      ], timeout: .seconds(8))
    try await self.init(pem: result.standardOutput)
    // OpenSSL writes that line of a connection without a handshake, too.
    isVouchedFor =
      result.status == .exited(0) && !fingerprint.isEmpty
      && result.standardOutput.contains("Verify return code: 0 (ok)")
  }

  /// Of a text that may hold more.
  init(pem: String) async throws {
    text = try await openSSL(["x509", "-noout", "-text", "-fingerprint", "-sha256"], input: pem).standardOutput
    let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    fingerprint = lines.first { $0.lowercased().hasPrefix("sha256 fingerprint=") } ?? ""
    end = lines.first { $0.hasPrefix("Not After") }.map {
      $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)
    }
  }
}
