import AgentModel
import Faults
import Glibc
import Testing

@testable import Images

@Suite("The rules for an image's tree") struct TreeRulesTests {
  private func rules(_ limits: TreeLimits = .standard) throws -> TreeRules {
    TreeRules(reference: try #require(ImageReference("dir:/srv/image")), limits: limits)
  }

  private func entry(_ path: String, _ kind: mode_t = S_IFREG, size: Int64 = 0, links: UInt = 1) -> TreeEntry {
    TreeEntry(
      path: path, mode: kind | 0o644, size: size, modifiedSeconds: 0, modifiedNanoseconds: 0, changed: 0, links: links,
      device: 1,
      inode: 7, target: nil)
  }

  @Test("bound the number of entries and their bytes") func limits() throws {
    var few = try rules(TreeLimits(bytes: 100, entries: 2))
    try few.visit(entry("/", S_IFDIR))
    try few.visit(entry("/a", size: 100))
    #expect(throws: Fault.self) { try few.visit(entry("/b")) }
    var small = try rules(TreeLimits(bytes: 100, entries: 9))
    let fault = #expect(throws: Fault.self) { try small.visit(entry("/a", size: 101)) }
    #expect(fault?.code == .exhausted)
  }

  @Test("take a file with two names when both are in the tree") func hardLinks() throws {
    var rules = try rules()
    try rules.visit(entry("/a", links: 2))
    #expect(throws: Fault.self) { try rules.finish() }
    try rules.visit(entry("/b", links: 2))
    try rules.finish()
  }

  @Test(
    "find a link that climbs over the root",
    arguments: [
      ("/a", "b", false), ("/a", "..", true), ("/a/b", "../c", false), ("/a/b", "../../c", true),
      ("/a/b", "/etc/passwd", false), ("/a/b", "/../etc", true), ("/a/b", "./.././c", false),
      ("/a/b/c", "../x/../../../etc", true),
    ])
  func climbing(link: String, target: String, climbs: Bool) {
    #expect(TreeRules.climbs(from: link, to: target) == climbs)
  }

  @Test(
    "leave a registry's name without its tag and digest",
    arguments: [
      ("host/name:1.0", "host/name", nil), ("host:5000/name", "host:5000/name", nil),
      ("host:5000/name:1.0@sha256:ab", "host:5000/name", "sha256:ab"),
    ])
  func registryNames(name: String, repository: String, digest: String?) {
    let parts = ImageSource.splitRegistryName(name)
    #expect(parts.repository == repository)
    #expect(parts.digest == digest)
  }

  @Test("refuse a device in a layer, and a name that climbs, before anything is written")
  func listing() throws {
    let listing = LayerListing(reference: try #require(ImageReference("oci:/srv/image")))
    var total = TreeLimits(bytes: 0, entries: 0)
    try listing.judge("-rwxr-xr-x 0/0         1982256 2026-11-24 09:15 ./bin/busy\\ box", &total)
    try listing.judge("hrwxr-xr-x 0/0               0 2026-11-24 09:15 bin/a link to bin/b", &total)
    #expect(total.entries == 2)
    #expect(total.bytes == 1_982_256)
    for line in [
      "crw-r--r-- 0/0             1,3 2026-11-24 09:15 dev/null", "-rw-r--r-- 0/0 1 2026-11-24 09:15 a/../../b",
      "hrw-r--r-- 0/0 0 2026-11-24 09:15 a link to ../b",
    ] {
      #expect(throws: Fault.self) { try listing.judge(line, &total) }
    }
  }
}
