import APIModel
import AgentModel
import Foundation
import Testing

@Suite("Access with tokens", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct AccessTests {
  @Test("follows role and tenant, and ends when a token is revoked") func roles() async throws {
    try await withPlatform { platform in
      func token(_ name: String, _ options: String...) async throws -> CreatedToken {
        try await platform.run(["token", "create", name, "-o", "json"] + options).ok().json()
      }
      let viewer = try await token("eyes", "--role", "viewer", "--tenant", "acme")
      let operators = try await token("hands", "--role", "operator", "--tenant", "acme")
      let stranger = try await token("others", "--role", "operator", "--tenant", "other")

      let create = ["agent", "create", "acme/demo", "--image", platform.image]
      let idle = ["--command"] + TestPlatform.idle
      #expect(try await platform.run(create + ["--token", viewer.secret] + idle).code == 1)
      #expect(try await platform.run(create + ["--token", stranger.secret] + idle).code == 1)
      try await platform.run(create + ["--token", operators.secret, "--wait"] + idle, timeout: .seconds(150)).ok()

      try await platform.run("agent", "get", "acme/demo", "--token", viewer.secret).ok()
      #expect(try await platform.run("agent", "get", "acme/demo", "--token", stranger.secret).code == 1)
      #expect(
        try await platform.run("agent", "exec", "acme/demo", "--token", viewer.secret, "--", "id").code == 1)
      #expect(try await platform.run("audit", "list", "--token", operators.secret).code == 1)
      #expect(try await platform.run("token", "list", "--token", operators.secret).code == 1)

      let listed = try await platform.run("token", "list", "-o", "json").ok()
      #expect(try listed.json([TokenResource].self).count == 3)
      #expect(!listed.output.contains(viewer.secret))
      try await platform.run("token", "revoke", viewer.token.id).ok()
      let revoked = try await platform.run("agent", "list", "--token", viewer.secret)
      #expect(revoked.code == 1)
      #expect(revoked.error.contains("token"))

      // No secret is at rest in the clear, nor in any log.
      for secret in [viewer.secret, operators.secret, stranger.secret] {
        let found = try Self.files(below: platform.layout.root, containing: secret)
        #expect(found == [])
      }
    }
  }

  private static func files(below directory: String, containing text: String) throws -> [String] {
    let needle = Data(text.utf8)
    let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
    return names.filter { name in
      guard !name.hasPrefix("bin/"), !name.hasSuffix(".img") else { return false }
      // Sockets and directories have no content to search.
      guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)") else { return false }
      return data.range(of: needle) != nil
    }
  }
}
