import Foundation
import JSONValues
import KubernetesAPI
import Testing
import Verification

@testable import ClusterVerification

@Suite("The judgement of limits") struct LimitTests {
  private func record(_ id: String, isDone: Bool, _ text: String) throws -> ProbeRecord {
    ProbeRecord(Array(try JSONEncoder().encode(ProbeLine(nonce: "n", id: id, isDone: isDone, text: text))), nonce: "n")
  }

  private func memory(
    _ text: String, isDone: Bool, limit: Int?, end: String = "it was ended: OOMKilled (exit code 137)"
  ) throws -> AttackOutcome {
    let record = try record(ProbePlan.Bomb.memoryID, isDone: isDone, text)
    return LimitChecks.memory(ProbePod.Fate(record: record, end: end, node: "n"), of: limit)
  }

  private func isPrevented(_ outcome: AttackOutcome) -> Bool? {
    switch outcome {
    case .prevented: true
    case .succeeded: false
    case .unknown: nil
    }
  }

  @Test("knows memory that was held from a bomb that was ended at its limit, and from one that was ended early")
  func memory() throws {
    #expect(isPrevented(try memory("384 MiB held", isDone: true, limit: 320)) == false)
    #expect(isPrevented(try memory("304 of 384 MiB held", isDone: false, limit: 320)) == true)
    #expect(isPrevented(try memory("16 of 384 MiB held", isDone: false, limit: 320)) == nil)
    #expect(isPrevented(try memory("304 of 384 MiB held", isDone: false, limit: nil)) == nil)
    // Ended, and not for its memory.
    for end in ["it was ended: Error (exit code 137)", "its Pod is gone", "it ran on"] {
      #expect(isPrevented(try memory("304 of 384 MiB held", isDone: false, limit: 320, end: end)) == nil)
    }
    let refused = "304 MiB: Cannot allocate memory"
    #expect(isPrevented(try memory(refused, isDone: false, limit: 320, end: "it ran on")) == true)
    let silent = ProbePod.Fate(record: ProbeRecord([], nonce: "n"), end: "its Pod is gone", node: "n")
    #expect(isPrevented(LimitChecks.memory(silent, of: 320)) == nil)
  }

  @Test("judges the share of a processor, and proves nothing where none could be had") func cpu() {
    func verdict(_ free: Double?, _ bound: Double?, _ limit: Double) -> Verdict {
      LimitChecks.cpu(free: free, bound: bound, limit).verdict
    }
    #expect(verdict(1.4, 0.21, 0.2) == .proven)
    #expect(verdict(2, 1.02, 1) == .proven)
    #expect(verdict(1.4, 0.9, 0.2) == .failed)
    #expect(verdict(0.2, 0.1, 0.2) == .notTestable)
    #expect(verdict(0.9, 0.9, 1) == .notTestable)
    #expect(verdict(nil, 0.1, 0.2) == .notTestable)
    #expect(verdict(1.4, nil, 0.2) == .failed)
  }

  @Test("reads quantities as the API writes them") func quantities() {
    #expect(Allowance.cpus("100m") == 0.1)
    #expect(Allowance.cpus("1.5") == 1.5)
    #expect(Allowance.cpus("") == nil)
    #expect(Allowance.megabytes("256Mi") == 256)
    #expect(Allowance.megabytes("2Gi") == 2_048)
    #expect(Allowance.megabytes("1048576") == 1)
    #expect(Allowance.megabytes("1.5Gi") == nil)
  }

  @Test("takes the sandbox's own share with the container's, and no Pod without limits") func allowance() throws {
    let pod = KubernetesObject(fields: [
      "spec": [
        "overhead": ["cpu": "100m", "memory": "64Mi"],
        "containers": [["resources": ["limits": ["cpu": "1", "memory": "2Gi"]]]],
      ]
    ])
    let allowance = try Allowance(pod)
    #expect(allowance.megabytes == 2_112)
    #expect(allowance.cpus == 1.1)
    #expect(throws: NotTestable.self) { try Allowance(KubernetesObject(fields: ["spec": [:]])) }
  }
}
