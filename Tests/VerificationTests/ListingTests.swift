import AgentModel
import Testing

@testable import Verification

@Suite("The list of checks") struct ListingTests {
  private let checks = Verify.listing(InstanceLayout(stateDirectory: "/nowhere"))

  /// What must always hold: how many promises each part of SPECIFICATION.md has.
  private static let promises = [
    ("ISO", 6), ("NET", 7), ("MTLS", 4), ("SEC", 6), ("DET", 9), ("ADM", 6), ("AUD", 4), ("REL", 2),
  ]

  @Test("has one for every promise", arguments: promises) func promise(part: String, count: Int) {
    let ids = (1...count).map { "\(part)-\($0)" }
    #expect(checks.map(\.id).filter { $0.hasPrefix("\(part)-") && $0.split(separator: "-").count == 2 }.sorted() == ids)
  }

  @Test("names each once, and for each a run that makes it") func once() {
    #expect(Set(checks.map(\.id)).count == checks.count)
    #expect(checks.allSatisfy { !$0.tiers.isEmpty && !$0.criteria.isEmpty && !$0.title.isEmpty })
  }

  @Test("has one for each enforcer that --break stops") func outages() {
    let stopped = checks.filter { $0.tiers == ["break"] }.map(\.id).sorted()
    #expect(
      stopped
        == [
          "ADMISSION", "AUDIT", "CONTROL-PLANE", "FIREWALL", "GATEWAY", "NODE", "PROXY", "SENTINEL", "SUPERVISOR",
          "VAULT",
        ].map { "REL-2-\($0)" })
  }
}
