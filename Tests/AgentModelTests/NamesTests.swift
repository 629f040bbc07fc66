import AgentModel
import Testing

@Suite("A name") struct NamesTests {
  @Test("is a DNS label", arguments: ["a", "a1", "support-bot", String(repeating: "x", count: 63)])
  func accepts(text: String) { #expect(AgentName(text)?.description == text) }

  @Test(
    "is refused when it is no DNS label",
    arguments: ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a\n", String(repeating: "x", count: 64)])
  func refuses(text: String) { #expect(AgentName(text) == nil) }

  @Test("of an instance is short enough for the kernel") func instance() {
    #expect(InstanceName(String(repeating: "x", count: 16)) != nil)
    #expect(InstanceName(String(repeating: "x", count: 17)) == nil)
  }

  @Test("with its tenant survives printing and parsing") func fullName() {
    #expect(AgentID("acme/bot")?.description == "acme/bot")
    #expect(AgentID("bot") == nil)
    #expect(AgentID("a/b/c") == nil)
  }

  @Test("of one life differs from the next") func uid() {
    let uid = AgentUID.random()
    #expect(AgentUID(uid.description) == uid)
    #expect(AgentUID.random() != uid)
    #expect(AgentUID("0123456789abcdeX") == nil)
  }
}

@Suite("A size") struct ByteSizeTests {
  @Test(
    "reads a Kubernetes quantity",
    arguments: [("512Mi", 536_870_912), ("1Gi", 1_073_741_824), ("2k", 2_000), ("77", 77), ("0", 0)])
  func parses(text: String, bytes: Int64) { #expect(ByteSize(text)?.bytes == bytes) }

  @Test("refuses what is none, without a trap", arguments: ["", "Gi", "-1", "1.5Gi", "1 Gi", "9223372036854775807Ti"])
  func refuses(text: String) { #expect(ByteSize(text) == nil) }

  @Test("prints what it reads", arguments: ["512Mi", "1Gi", "3Ti", "1000"])
  func prints(text: String) { #expect(ByteSize(text)?.description == text) }
}

@Suite("An image reference") struct ImageReferenceTests {
  @Test(
    "is printed as it was written",
    arguments: [
      "oci:/srv/images/bot:1.4", "oci:/srv/images/bot", "oci-archive:/srv/bot.tar:latest", "dir:/srv/rootfs",
      "docker://registry.example/bot@sha256:00", "docker://bot:1",
    ])
  func accepts(text: String) { #expect(ImageReference(text)?.description == text) }

  @Test(
    "never leads out of its path",
    arguments: [
      "oci:/srv/../etc:1", "oci:relative:1", "dir:/", "dir:/..", "dir:", "docker://", "docker://../x", "ftp:/x",
      "/srv/x", "oci:/srv/x:", "dir:/srv/\u{0}", "dir:/sr v",
    ])
  func refuses(text: String) { #expect(ImageReference(text) == nil) }

  @Test("separates path and tag") func parts() throws {
    let reference = try #require(ImageReference("oci:/srv/images/bot:1.4"))
    #expect(reference.location == "/srv/images/bot")
    #expect(reference.tag == "1.4")
  }
}
