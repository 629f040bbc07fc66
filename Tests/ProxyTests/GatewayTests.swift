import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

@Suite("The gateway's configuration") struct GatewayTests {
  private static func layout() -> GatewayLayout {
    var layout = GatewayLayout(
      address: "::", port: 443, files: EnvoyFiles(directory: "/run/gateway/config", secretsOnly: true),
      adminSocket: "/run/gateway/admin.sock", accessLog: "/run/gateway/access.jsonl", apiSocket: "/run/api/mesh.sock",
      ingressSocket: "/run/proxy/ingress.sock")
    layout.plainPort = 80
    layout.plainAddress = "0.0.0.0"
    layout.takesChallenges = true
    return layout
  }

  @Test("is the reference file") func reference() throws {
    let bootstrap = try pretty(Self.layout().bootstrap)
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/gateway.json")
    // Without the file, everything differs.
    if bootstrap != (try? String(contentsOf: path, encoding: .utf8)) {
      let actual = "/tmp/lobstack-gateway.json"
      try write(bootstrap, to: actual)
      Issue.record("it differs: diff \(path.path()) \(actual)")
    }
  }

  @Test("is one that Envoy takes", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"))
  func validates() async throws {
    let directory = "/tmp/lob-\(String(UInt64.random(in: 0..<(1 << 40)), radix: 36))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // in /tmp, and of no further use
    var layout = Self.layout()
    layout.files = EnvoyFiles(directory: directory, secretsOnly: true)
    try layout.files.prepare()
    layout.accessLog = "\(directory)/access.jsonl"
    for path in layout.secretFiles { try write("{}", to: path) }
    for takesChallenges in [false, true] {
      layout.takesChallenges = takesChallenges
      try write(layout.bootstrap.text, to: "\(directory)/bootstrap.json")
      try await Command(envoyProgram, ["-c", "\(directory)/bootstrap.json", "--mode", "validate"]).check()
    }
  }

  @Test("holds no key, and its secrets print as nothing") func secrets() {
    let certificate = WorkloadCertificate(chain: "chain", privateKey: "canary")
    let files = GatewayLayout.files(certificate: certificate, identity: certificate, trustBundle: "roots")
    #expect(files.map(\.source) == [.secret("public"), .secret("identity"), .secret("trust")])
    #expect(!"\(certificate)".contains("canary"))
    #expect(!Self.layout().bootstrap.text.contains("PRIVATE KEY"))
  }

  private func pretty(_ json: JSON) throws -> String {
    let value = try JSONSerialization.jsonObject(with: Data(json.text.utf8))
    let data = try JSONSerialization.data(
      withJSONObject: value, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}
