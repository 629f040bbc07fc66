import AgentModel
import Faults
import Foundation
import Testing

@Suite("Bad input", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct BadInputTests {
  /// Each document with what its error must name.
  private static let documents: [(what: String, text: String, names: [String])] = [
    ("malformed YAML", "apiVersion: lobstack.dev/v1\nkind: Agent\nmetadata: {name: [\n", ["bad.yaml:"]),
    (
      "an unknown field", Self.document("  imagge: dir:/x\n"), ["bad.yaml:6", "imagge"]
    ),
    ("a bad name", Self.document("", name: "Bad_Name"), ["bad.yaml:3", "Bad_Name", "DNS label"]),
    ("an impossible size", Self.document("  workspace: {size: 1Mi}\n"), ["bad.yaml:6", "1Mi", "16Mi"]),
    ("an unknown tier", Self.document("  tier: huge\n"), ["bad.yaml:6", "huge", "starter"]),
    (
      "a huge environment", Self.document("  env: {BIG: \(String(repeating: "x", count: 10 << 20))}\n"),
      ["bad.yaml", "1048576"]
    ),
    ("a large environment", Self.document("  env: {BIG: \(String(repeating: "x", count: 200_000))}\n"), ["131072"]),
    ("an unknown response", Self.document("  response: shoot\n"), ["bad.yaml:6", "shoot", "quarantine"]),
  ]

  @Test("is refused with its place and a remedy, and leaves nothing half-made") func refused() async throws {
    try await withPlatform { platform in
      let before = try await platform.traces()
      let file = "\(platform.directory)/bad.yaml"
      for document in Self.documents {
        try Data(document.text.utf8).write(to: URL(filePath: file))
        let outcome = try await platform.run("agent", "create", "-f", file)
        #expect(outcome.code == 1, "\(document.what)")
        for name in document.names {
          #expect(outcome.error.contains(name), "\(document.what): \(outcome.error.prefix(500))")
        }
        #expect(outcome.error.contains("\nremedy: "), "\(document.what)")
      }
      #expect(try await platform.run("agent", "create", "Bad_Name", "--image", platform.image).code == 2)
      #expect(try await platform.run("agent", "create", "up", "--image", "dir:/../etc").code == 2)

      try await imagesThatDoNotFit(platform)
      try await namesThatAreTaken(platform)

      for agent in try await platform.run("agent", "list", "-o", "json").ok().json([Listed].self) {
        try await platform.run("agent", "delete", agent.metadata.name, "--wait").ok()
      }
      #expect(try await platform.traces() == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: platform.layout.agentsDirectory) == [])
    }
  }

  private func imagesThatDoNotFit(_ platform: TestPlatform) async throws {
    let missing = try await platform.run(
      "agent", "create", "no-image", "--image", "dir:\(platform.directory)/none", "--wait")
    #expect(missing.code == 1)
    #expect(missing.error.contains("\(platform.directory)/none"))

    let noProgram = try await platform.run(
      "agent", "create", "no-program", "--image", platform.image, "--restart", "Never", "--wait", "--command",
      "/bin/absent")
    #expect(noProgram.code == 1)
    #expect(noProgram.error.contains("/bin/absent"))

    let asJSON = try await platform.run(
      "agent", "create", "no-image-2", "--image", "dir:\(platform.directory)/none", "--wait", "-o", "json")
    #expect(asJSON.code == 1)
    let object = try #require(asJSON.error.firstIndex(of: "{").map { String(asJSON.error[$0...]) })
    #expect(try JSONDecoder().decode(Fault.self, from: Data(object.utf8)).remedy.isEmpty == false)
  }

  private func namesThatAreTaken(_ platform: TestPlatform) async throws {
    async let one = platform.run("agent", "create", "twin", "--image", platform.image, "--command", "sleep", "60")
    async let other = platform.run("agent", "create", "twin", "--image", platform.image, "--command", "sleep", "60")
    let codes = try await [one.code, other.code]
    #expect(codes.sorted() == [0, 1])
    let again = try await platform.run("agent", "create", "twin", "--image", platform.image)
    #expect(again.code == 1)
    #expect(again.error.contains("name"))
  }

  private struct Listed: Decodable {
    struct Metadata: Decodable { var name: String }
    var metadata: Metadata
  }

  private static func document(_ more: String, name: String = "fine") -> String {
    """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: \(name)}
    spec:
      image: dir:/srv/none
    \(more)
    """
  }
}
