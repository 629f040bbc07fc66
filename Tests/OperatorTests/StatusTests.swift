import AgentModel
import ClusterAgents
import Faults
import JSONValues
import KubernetesAPI
import Testing

@testable import Operator

@Suite("An Agent's status") struct StatusTests {
  private func pod(_ status: JSON) -> KubernetesObject { KubernetesObject(fields: ["status": status]) }

  private static let ready = GatewayStanding(isReady: true, reason: "Ready", message: "")

  @Test("is ready when its gateway is, too") func gateway() {
    func deployment(_ status: JSON) -> GatewayStanding {
      GatewayStanding(KubernetesObject(fields: ["metadata": ["generation": 2], "status": status]))
    }
    let ready: JSON = ["observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1]
    let refusal: JSON = [
      "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: agents",
    ]
    let cases: [(JSON, isReady: Bool, isFailed: Bool)] = [
      (ready, true, false), ([:], false, false),
      // Of a specification before this one.
      (["observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1], false, false),
      (["observedGeneration": 2, "updatedReplicas": 1], false, false),
      (["observedGeneration": 2, "conditions": [refusal]], false, true),
      (["observedGeneration": 1, "conditions": [refusal]], false, false),
      (
        [
          "observedGeneration": 2, "updatedReplicas": 1,
          "conditions": [["type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"]],
        ], false, true
      ),
    ]
    let running = PodStanding(
      pod(["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]), restartPolicy: .always)
    for (status, isReady, isFailed) in cases {
      let standing = deployment(status)
      #expect(standing.isReady == isReady && standing.isFailed == isFailed, "\(status)")
      let agent = AgentConditions.secured(running, gateway: standing, generation: 1)
      #expect(agent.conditions.first { $0.kind == .ready }?.state == (isReady ? .yes : .no), "\(status)")
      #expect(agent.conditions.first { $0.kind == .gatewayReady }?.state == (isReady ? .yes : .no), "\(status)")
      #expect(agent.phase == (isReady ? .running : isFailed ? .failed : .starting), "\(status)")
    }
  }

  @Test("keeps the document that is in force while a later one is refused") func accepted() throws {
    var object = KubernetesObject(fields: ["spec": ["image": "docker://r.example.com/a:1", "tier": "starter"]])
    object.labels = ["team": "one"]
    let first = AgentObject(object: object)
    object.fields["status"] = AgentConditions.secured(nil, gateway: .missing, generation: 1).status(
      now: "2026-01-01T00:00:00Z", before: nil, accepted: first.document)
    object.fields["spec"] = ["image": "docker://r.example.com/a:2", "egress": [["host": "??"]]]
    object.labels = ["team": "two"]
    let accepted = try #require(AgentObject(object: object).accepted)
    #expect(accepted.object["spec"] == first.object["spec"] && accepted.object.labels == ["team": "one"])
    // It is told again with each status, and one that is no document is none.
    let again = AgentConditions.secured(nil, gateway: .missing, generation: 2).status(
      now: "2026-01-02T00:00:00Z", before: object.fields["status"])
    #expect(again["accepted"] == .string(first.document ?? "-"))
    for text in ["", "1", "[]", "{", #"{"spec":1}"#] {
      object.fields["status"] = ["accepted": .string(text)]
      #expect(AgentObject(object: object).accepted == nil, "\(text)")
    }
    object.fields["spec"] = ["env": ["LONG": .string(String(repeating: "a", count: 300_000))]]
    #expect(AgentObject(object: object).document == nil)
  }

  @Test("says of its Pod what a reader has to know") func standing() {
    let running = PodStanding(
      pod(["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]), restartPolicy: .always)
    #expect(running.phase == .running && running.isReady && !running.isToBeReplaced)
    let unschedulable = PodStanding(
      pod([
        "phase": "Pending",
        "conditions": [
          ["type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes have gvisor"]
        ],
      ]), restartPolicy: .always)
    #expect(unschedulable.phase == .starting && unschedulable.message == "0/3 nodes have gvisor")
    let pull = PodStanding(
      pod([
        "phase": "Pending",
        "containerStatuses": [["state": ["waiting": ["reason": "ImagePullBackOff", "message": "no such image"]]]],
      ]), restartPolicy: .always)
    #expect(pull.phase == .failed && pull.reason == "ImagePullBackOff" && pull.message == "no such image")
    let loop = PodStanding(
      pod(["phase": "Running", "containerStatuses": [["state": ["waiting": ["reason": "CrashLoopBackOff"]]]]]),
      restartPolicy: .always)
    #expect(loop.phase == .failed && !loop.isReady)
    // Its program may go on for its grace period.
    for phase in ["Running", "Failed"] {
      var ending = pod(["phase": .string(phase), "conditions": [["type": "Ready", "status": "True"]]])
      ending.fields["metadata"] = ["deletionTimestamp": "2026-01-01T00:00:00Z"]
      let going = PodStanding(ending, restartPolicy: .always)
      #expect(going.phase == .starting && !going.isReady, "\(phase)")
    }
  }

  /// What a kubelet of 1.36 said of agents in gVisor that went over their memory.
  @Test("says how an agent's program ended") func endings() {
    let killed: JSON = ["terminated": ["reason": "OOMKilled", "exitCode": 137]]
    let once = PodStanding(pod(["phase": "Failed", "containerStatuses": [["state": killed]]]), restartPolicy: .never)
    #expect(once.phase == .failed && once.reason == "OOMKilled" && once.message.contains("out of memory"))
    let again = PodStanding(
      pod(["phase": "Running", "containerStatuses": [["state": killed]]]), restartPolicy: .always)
    #expect(again.phase == .failed && again.message.contains("out of memory"))
    func loop(_ code: Int) -> PodStanding {
      PodStanding(
        pod([
          "phase": "Running",
          "containerStatuses": [
            [
              "state": ["waiting": ["reason": "CrashLoopBackOff", "message": "back-off 10s"]],
              "lastState": ["terminated": ["reason": "Error", "exitCode": .int(code)]],
            ]
          ],
        ]), restartPolicy: .always)
    }
    #expect(loop(3).message == "the program ended with exit code 3; back-off 10s")
    #expect(loop(139).message == "the program was ended by signal 11; back-off 10s")
    let evicted = PodStanding(
      pod([
        "phase": "Failed", "reason": "Evicted", "message": "the node was low on memory",
        "containerStatuses": [["state": killed]],
      ]), restartPolicy: .always)
    #expect(evicted.reason == "Evicted" && evicted.message == "the node was low on memory")
  }

  @Test("says that an agent waits for its policies, and that they do not come") func isolation() {
    func standing(_ gate: JSON) -> PodStanding {
      PodStanding(
        pod([
          "phase": "Pending", "initContainerStatuses": [["state": gate]],
          "containerStatuses": [["state": ["waiting": ["reason": "PodInitializing"]]]],
        ]), restartPolicy: .always)
    }
    let waits = standing(["running": [:]])
    #expect(waits.phase == .starting && waits.reason == "Isolating")
    for gate: JSON in [
      ["terminated": ["reason": "Error", "exitCode": 1]], ["waiting": ["reason": "CrashLoopBackOff"]],
    ] {
      let open = standing(gate)
      #expect(open.phase == .failed && open.reason == "NotIsolated" && open.message.contains("not in force"))
    }
    let ended = PodStanding(
      pod(["phase": "Failed", "initContainerStatuses": [["state": ["terminated": ["exitCode": 1]]]]]),
      restartPolicy: .never)
    #expect(ended.reason == "NotIsolated" && ended.isToBeReplaced)
    #expect(standing(["waiting": ["reason": "ErrImagePull", "message": "no image"]]).message == "no image")
    #expect(standing(["terminated": ["exitCode": 0]]).reason == "PodInitializing")
  }

  @Test("has a Pod replaced that ended although its agent is to run") func replaced() {
    for (phase, policy, isReplaced) in [
      ("Failed", AgentSpec.RestartPolicy.always, true), ("Failed", .onFailure, true), ("Failed", .never, false),
      ("Succeeded", .always, true), ("Succeeded", .onFailure, false), ("Running", .always, false),
    ] {
      #expect(
        PodStanding(pod(["phase": .string(phase)]), restartPolicy: policy).isToBeReplaced == isReplaced,
        "\(phase) \(policy)")
    }
  }

  @Test("keeps the time of a condition that stays, and only then") func transition() throws {
    let fault = Fault(.exhausted, operation: "make it", reason: "exceeded quota", remedy: "raise it")
    let first = AgentConditions.notStarted(fault, gateway: .missing, generation: 1).status(
      now: "2026-01-01T00:00:00Z", before: nil)
    let second = AgentConditions.notStarted(fault, gateway: .missing, generation: 2).status(
      now: "2026-02-02T00:00:00Z", before: first)
    func time(_ status: JSON, _ type: String) -> String? {
      status["conditions"]?.array?.first { $0["type"]?.string == type }?["lastTransitionTime"]?.string
    }
    #expect(time(second, "Ready") == "2026-01-01T00:00:00Z" && second["observedGeneration"]?.int == 2)
    #expect(second["phase"]?.string == "Failed")
    #expect(second["reason"]?.string?.contains("exceeded quota") == true)
    let standing = PodStanding(
      pod(["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]), restartPolicy: .always)
    let third = AgentConditions.secured(standing, gateway: Self.ready, generation: 2)
      .status(now: "2026-03-03T00:00:00Z", before: second)
    #expect(time(third, "Ready") == "2026-03-03T00:00:00Z" && time(third, "Secured") == "2026-01-01T00:00:00Z")
    #expect(third["reason"] == nil && third["phase"]?.string == "Running")
  }

  @Test("says who had taken over what secures it, and only while it is secured") func repaired() {
    let conflict = Fault(
      .conflict, operation: "apply NetworkPolicy bot-agent", reason: "others manage .spec.ingress (opener)", remedy: "r"
    )
    func secured(_ conditions: AgentConditions) -> Condition? { conditions.conditions.first { $0.kind == .secured } }
    let whole = secured(.secured(nil, gateway: .missing, generation: 1).repaired(from: conflict))
    #expect(whole?.state == .yes && whole?.reason == "Repaired")
    #expect(whole?.message.contains("NetworkPolicy bot-agent: others manage .spec.ingress (opener)") == true)
    let fault = Fault(.denied, operation: "o", reason: "r", remedy: "m")
    let other = AgentConditions.unsecured(fault, generation: 1, pod: nil)
    #expect(other.repaired(from: conflict) == other)
  }

  @Test("names its conditions' reasons in words that the API takes") func reasons() {
    for fault in [
      Fault(.unsupported, operation: "o", reason: "r", remedy: "m"),
      Fault(.denied, operation: "o", reason: "r", remedy: "m"),
      Fault(.failed, operation: "o", reason: "r", remedy: "m"),
    ] {
      for conditions in [
        AgentConditions.refused(fault, generation: 1, pod: nil), .unsecured(fault, generation: 1, pod: nil),
        .notStarted(fault, gateway: .missing, generation: 1), .secured(nil, gateway: .missing, generation: 1),
        .unidentified(fault, generation: 1, pod: nil), .secured(nil, gateway: .missing, generation: 1).identified,
        .secured(nil, gateway: Self.ready, generation: 1).refused(by: fault),
      ] {
        // All of them, but for the one about secrets, which not every agent has.
        let kinds = conditions.conditions.map(\.kind)
        #expect([Condition.Kind.allCases, Condition.Kind.allCases.filter { $0 != .identified }].contains(kinds))
        for condition in conditions.conditions {
          #expect(condition.reason.wholeMatch(of: /[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?/) != nil)
        }
      }
    }
  }
}
