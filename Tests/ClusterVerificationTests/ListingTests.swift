import Compliance
import Foundation
import JSONValues
import KubernetesAPI
import Testing
import Verification

@testable import ClusterVerification

@Suite("The list of a cluster's checks") struct ListingTests {
  @Test("has one for every promise that one machine's has, with its criteria") func promises() async throws {
    let checks = try await ClusterVerify.listing()
    #expect(checks.allSatisfy { !$0.criteria.isEmpty && !$0.title.isEmpty })
    #expect(Set(checks.map(\.id)).count == checks.count)
    let controls = Control.all.filter { $0.source == .check }.map(\.id)
    #expect(Set(checks.map { Control.promise(of: $0.id) }) == Set(controls))
  }

  @Test("stops the recorder by --break alone") func outages() async throws {
    let list = try await ClusterVerify.listing()
    #expect(
      list.filter { $0.tiers.contains("break") }.map(\.id) == [
        "REL-2-ADMISSION", "REL-2-NAME-SERVER", "REL-2-OPERATOR", "AUD-4-RECORDER",
      ])
  }

  @Test("has in a quick run what makes no Pods") func quick() async throws {
    let quick = try await ClusterVerify.listing().filter { $0.tiers.contains("quick") }.map(\.id)
    #expect(
      quick == [
        "SEC-6-AGENTS", "SEC-6-OPERATOR", "ADM-1", "ADM-2", "ADM-2-NAMESPACES", "ADM-3", "ADM-4", "ADM-5", "ADM-6",
      ])
  }
}

@Suite("What a run makes") struct RunMarkTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func object(_ labels: [String: String], _ annotations: [String: String] = [:]) -> KubernetesObject {
    var object = KubernetesObject(fields: ["kind": "Namespace"])
    object.labels = labels
    object.annotations = annotations
    return object
  }

  @Test("is left over once its time is up, and not before") func expiry() {
    let mine = RunMark(id: "0123abcd", at: now).mark(object([:]))
    #expect(!RunMark.isLeftOver(mine, at: now))
    #expect(!RunMark.isLeftOver(mine, at: now.addingTimeInterval(1_199)))
    #expect(RunMark.isLeftOver(mine, at: now.addingTimeInterval(1_200)))
  }

  @Test("is left over sooner where it stops what others use") func outage() {
    let stopped = RunMark(id: "0123abcd", at: now, lasting: Outage.longest).mark(object([:]))
    #expect(!RunMark.isLeftOver(stopped, at: now.addingTimeInterval(479)))
    #expect(RunMark.isLeftOver(stopped, at: now.addingTimeInterval(480)))
  }

  @Test("is left over without a time that can be read", arguments: [[:], [RunMark.expiry: "soon"]])
  func unreadable(annotations: [String: String]) {
    #expect(RunMark.isLeftOver(object([RunMark.label: "x"], annotations), at: now))
  }

  @Test("is nothing without the label") func others() {
    #expect(!RunMark.isLeftOver(object([:], [RunMark.expiry: "2000-01-01T00:00:00Z"]), at: now))
  }

  @Test("has an id that is part of a name of the API") func id() {
    for _ in 0..<100 { #expect(RunMark.random(at: now).id.wholeMatch(of: /[0-9a-f]{8}/) != nil) }
  }
}

@Suite("What keeps a probe from running") struct ObstacleTests {
  @Test("is what the kubelet says of its container") func image() {
    let pod = KubernetesObject(fields: [
      "status": [
        "phase": "Pending",
        "containerStatuses": [
          ["state": ["waiting": ["reason": "ImagePullBackOff", "message": "Back-off \u{1B}[31mpulling\nimage"]]]
        ],
      ]
    ])
    #expect(ProbePod.obstacle(pod) == "ImagePullBackOff Back-off  [31mpulling image")
  }

  @Test("is what the scheduler says") func scheduler() {
    let pod = KubernetesObject(fields: [
      "status": [
        "phase": "Pending",
        "conditions": [
          [
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient memory.",
          ]
        ],
      ]
    ])
    #expect(ProbePod.obstacle(pod) == "Unschedulable 0/1 nodes are available: 1 Insufficient memory.")
  }

  @Test("is what it is at least") func phase() {
    #expect(ProbePod.obstacle(KubernetesObject(fields: ["status": ["phase": "Failed"]])) == "it is Failed")
  }
}
