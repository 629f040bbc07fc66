import AgentModel
import Compliance
import Foundation
import Testing

@testable import Verification

@Suite("The checks and the catalogue of controls") struct CriteriaTests {
  @Test("are about the same promises, and each serves a criterion") func same() async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/lobstack-criteria-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let layout = InstanceLayout(stateDirectory: directory, instance: .default)
    try FileManager.default.createDirectory(atPath: layout.root, withIntermediateDirectories: true)
    let site = try await ProbeSite.open(platform: layout, isQuick: true)
    let checks = Verify.checks(Fixtures(site: site))
    #expect(await site.close().isEmpty)
    #expect(checks.allSatisfy { !$0.criteria.isEmpty })
    let controls = Control.all.filter { $0.source == .check }
    #expect(Set(checks.map { Control.promise(of: $0.id) }) == Set(controls.map(\.id)))
  }

  @Test("have the same words for what a check came to") func verdicts() {
    #expect(Set(Verdict.allCases.map(\.rawValue)) == Set(RecordedRun.Verdict.allCases.map(\.rawValue)))
  }
}
