import JSONValues
import KubernetesAPI
import Testing

@testable import ClusterVerification

@Suite("A Pod with one thing wrong") struct HarmedPodTests {
  private func valid(_ container: JSON) -> JSON? {
    var pod = KubernetesObject(fields: ["spec": ["containers": [container]]])
    AdmissionChecks.makeValid(&pod)
    return pod["spec", "containers"]?.array?.first
  }

  @Test("forbids no escalation to what is privileged, which the API would refuse for itself") func privileged() {
    let limits: JSON = ["limits": ["cpu": "1", "memory": "1Gi"]]
    let container = valid([
      "securityContext": ["privileged": true, "allowPrivilegeEscalation": false], "resources": limits,
    ])
    #expect(container == ["securityContext": ["privileged": true], "resources": limits])
  }

  @Test("asks for nothing of what it has no limit of") func requests() {
    let container = valid([
      "resources": ["limits": ["memory": "1Gi"], "requests": ["cpu": "1", "memory": "1Gi"]]
    ])
    #expect(container == ["resources": ["limits": ["memory": "1Gi"], "requests": ["memory": "1Gi"]]])
  }

  @Test("is as it was otherwise") func whole() {
    let whole: JSON = [
      "securityContext": ["allowPrivilegeEscalation": false, "privileged": false],
      "resources": ["limits": ["cpu": "1", "memory": "1Gi"], "requests": ["cpu": "1", "memory": "1Gi"]],
    ]
    #expect(valid(whole) == whole)
  }
}
