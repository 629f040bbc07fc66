import ChildProcess
import Foundation
import Testing

/// Runs what the tutorial says, word for word, but for the image.
@Suite("The tutorial", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(8))) struct TutorialTests {
  private static let page = URL(filePath: #filePath).appending(path: "../../../../docs/tutorial.md").standardizedFileURL

  @Test("works as it is written") func works() async throws {
    let steps = try shellSteps(of: Self.page)
    #expect(steps.count >= 9)
    try await withPlatform { platform in
      // Its first step asks whether all is well.
      try await platform.waitUntilReady()
      let script = steps.joined(separator: "\n").replacing(
        "oci:/var/cache/lobstack/images/example-agent:1.0", with: platform.image)
      let place = "\(platform.directory)/tutorial"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      var environment = Command.defaultEnvironment
      environment["LOBSTACK_STATE_DIR"] = "\(platform.directory)/state"
      environment["LOBSTACK_INSTANCE"] = "\(platform.instance)"
      environment["LOBSTACK_VERIFY_EVERY"] = "off"
      let result = try await Command(
        "bash", ["-euc", "cd \(place); lobstack() { \(TestPlatform.binary) \"$@\"; }\n\(script)"],
        environment: environment
      ).run(timeout: .seconds(300))
      let output = result.standardOutput
      #expect(result.status.code == 0, "\(output)\(result.standardError)")
      for sign in [
        "uid=10001", "the image cannot be written", "refused", "add to spec.egress: {host: pypi.org}", "Quarantined",
        "2 proven",
      ] { #expect(output.contains(sign), "\(sign): \(output)") }
    }
  }
}
