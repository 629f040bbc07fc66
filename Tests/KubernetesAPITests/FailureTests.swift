import Faults
import JSONValues
import Testing

@testable import KubernetesAPI

@Suite("A refusal of the API server") struct FailureTests {
  private let pods = ResourceType(plural: "pods")

  private func fault(
    _ code: Int, _ reason: String, _ message: String = "told", details: JSON = [:], type: String = "application/json"
  ) -> Fault {
    let body: JSON = [
      "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": .string(message), "reason": .string(reason),
      "code": .int(code), "details": details,
    ]
    return Refusal(code: code, mediaType: type, retryAfter: nil, body: body.bytes).fault("get pods a/b", on: pods)
  }

  @Test(
    "is a fault with the code that its reason stands for",
    arguments: [
      (401, "Unauthorized", Fault.Code.unauthenticated), (403, "Forbidden", .denied), (404, "NotFound", .notFound),
      (409, "AlreadyExists", .alreadyExists), (409, "Conflict", .conflict), (410, "Expired", .expired),
      (410, "Gone", .expired), (422, "Invalid", .invalid), (400, "BadRequest", .invalid),
      (413, "RequestEntityTooLarge", .invalid), (429, "TooManyRequests", .exhausted), (504, "Timeout", .timedOut),
      (500, "ServerTimeout", .timedOut), (503, "ServiceUnavailable", .unavailable), (500, "InternalError", .failed),
      (405, "MethodNotAllowed", .unsupported), (406, "NotAcceptable", .unsupported), (418, "Teapot", .failed),
    ])
  func codes(code: Int, reason: String, expected: Fault.Code) {
    let fault = fault(code, reason, details: ["name": "b", "kind": "pods"])
    #expect(fault.code == expected)
    #expect(fault.operation == "get pods a/b")
    if expected != .unauthenticated { #expect(fault.description.contains("told")) }
  }

  @Test(
    "without a reason means what its code means",
    arguments: [
      (401, Fault.Code.unauthenticated), (409, .conflict), (410, .expired), (422, .invalid), (503, .unavailable),
    ])
  func codeAlone(code: Int, expected: Fault.Code) {
    #expect(fault(code, "").code == expected)
  }

  @Test("that names no object says that the cluster does not serve the type") func absentType() {
    let fault = fault(404, "NotFound", "the server could not find the requested resource")
    #expect(fault.code == .unsupported)
    #expect(fault.reason == "the cluster does not serve pods in version v1")
    let plain = Refusal(code: 404, mediaType: "text/plain", retryAfter: nil, body: Array("404 page not found\n".utf8))
    #expect(plain.fault("list", on: pods).code == .unsupported)
  }

  @Test("of an apply names the fields and who manages them") func applyConflict() {
    let fault = fault(
      409, "Conflict", "Apply failed with 1 conflict",
      details: [
        "causes": [
          ["reason": "FieldManagerConflict", "message": #"conflict with "kubectl" using v1"#, "field": ".data.a"]
        ]
      ])
    #expect(fault.code == .conflict)
    #expect(fault.reason == #"others manage .data.a (conflict with "kubectl" using v1)"#)
    #expect(fault.isOfManagers && !self.fault(409, "Conflict", "the object has been modified").isOfManagers)
  }

  @Test("of an invalid object names each field") func invalid() {
    let fault = fault(
      422, "Invalid",
      details: [
        "causes": [["message": "Required value", "field": "spec.a"], ["message": "too long", "field": "spec.b"]]
      ])
    #expect(fault.reason == "the API server refuses the object: spec.a: Required value; spec.b: too long")
  }

  @Test("of an apply with unknown fields is no failure of the server, though it comes as one") func schema() {
    let text = "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .dada: field not declared in schema"
    let fault = fault(500, "", text)
    #expect(fault.code == .invalid && fault.reason.contains(".dada"))
    #expect(self.fault(500, "", "etcdserver: leader changed").code == .failed)
    #expect(APIStatus(code: 500, message: text).isOfSchema)
    #expect(!APIStatus(code: 500, message: "etcdserver: leader changed").isOfSchema)
  }

  @Test("that forbids says by whom: RBAC, a quota, a namespace that goes, admission") func forbidden() {
    let rbac = fault(403, "Forbidden", #"pods is forbidden: User "eve" cannot list resource "pods" in API group """#)
    #expect(rbac.code == .denied && rbac.remedy.contains("RoleBinding") && rbac.reason.contains(#"User "eve""#))
    #expect(fault(403, "Forbidden", "pods \"a\" is forbidden: exceeded quota: q").code == .exhausted)
    let going = fault(403, "Forbidden", details: ["causes": [["reason": "NamespaceTerminating"]]])
    #expect(going.code == .conflict)
    let admission = fault(403, "Forbidden", "admission webhook \"x\" denied the request: no")
    #expect(admission.code == .denied && admission.reason.hasPrefix("the cluster's admission refuses it"))
  }

  @Test("that is no Status is told as that, in one bounded line") func foreign() {
    let html = Array("<html>\r\n<body>\u{1B}[31mBad Gateway</body>".utf8)
    let fault = Refusal(code: 502, mediaType: "text/html", retryAfter: nil, body: html).fault("list pods", on: pods)
    #expect(fault.code == .unavailable)
    #expect(
      fault.reason
        == "the answer is HTTP 502 of type text/html, not of the Kubernetes API: <html> <body> [31mBad Gateway</body>")
    let long = Refusal(code: 200, mediaType: "", retryAfter: nil, body: [UInt8](repeating: 0x61, count: 100_000))
    #expect(long.fault("list pods", on: pods).description.utf8.count < 500)
  }

  @Test("says how long to wait, by its header or by its details") func retryAfter() {
    let body: JSON = ["kind": "Status", "code": 429, "details": ["retryAfterSeconds": 7]]
    #expect(Refusal(code: 429, mediaType: "", retryAfter: nil, body: body.bytes).status.retryAfter == 7)
    #expect(Refusal(code: 429, mediaType: "", retryAfter: 3, body: body.bytes).status.retryAfter == 3)
  }
}

@Suite("The plan of retries") struct RetryPlanTests {
  private let careful = RetryPlan(isIdempotent: false)
  private let bold = RetryPlan(isIdempotent: true)

  private func repeats(_ plan: RetryPlan, _ failure: RetryPlan.Failure) -> Bool {
    plan.pause(after: failure, attempt: 1, left: .seconds(60), jitter: 0.5) != nil
  }

  @Test("repeats what may be done twice after what passes") func idempotent() {
    for code in [429, 500, 502, 503, 504] { #expect(repeats(bold, .refused(code: code, retryAfter: nil))) }
    for code in [400, 401, 403, 404, 409, 410, 422, 501] {
      #expect(!repeats(bold, .refused(code: code, retryAfter: nil)))
    }
    #expect(repeats(bold, .unanswered) && repeats(bold, .notSent) && !repeats(bold, .final))
  }

  @Test("never repeats a create that may have been done") func create() {
    for code in [500, 502, 503, 504, 409] { #expect(!repeats(careful, .refused(code: code, retryAfter: nil))) }
    #expect(!repeats(careful, .unanswered))
    #expect(repeats(careful, .notSent) && repeats(careful, .refused(code: 429, retryAfter: nil)))
  }

  @Test("waits longer each time up to five seconds, with jitter, and as long as the server asks for") func pauses() {
    func pause(_ attempt: Int, _ jitter: Double, after seconds: Int? = nil) -> Duration? {
      bold.pause(
        after: .refused(code: 429, retryAfter: seconds), attempt: attempt, left: .seconds(60), jitter: jitter)
    }
    #expect(pause(1, 0) == .milliseconds(50) && pause(1, 1) == .milliseconds(100))
    #expect(pause(4, 1) == .milliseconds(800))
    #expect(pause(7, 1) == .seconds(5) && pause(1_000, 1) == .seconds(5))
    #expect(pause(1, 1, after: 7) == .milliseconds(7_100))
  }

  @Test("gives up when the pause would outlast the caller's patience") func patience() {
    #expect(bold.pause(after: .notSent, attempt: 1, left: .milliseconds(50), jitter: 1) == nil)
    #expect(bold.pause(after: .refused(code: 429, retryAfter: 3_600), attempt: 1, left: .seconds(30), jitter: 0) == nil)
    #expect(bold.pause(after: .notSent, attempt: 1, left: .seconds(-1), jitter: 0) == nil)
  }

  @Test("of what follows objects are never longer than seconds, however long the server was away") func following() {
    var pauses = Reflector.usualPauses
    let all = (0..<100).map { _ in pauses.pause(jitter: 1) }
    #expect(all.max().map { $0 <= .seconds(16) } == true && all.first.map { $0 < .seconds(2) } == true)
  }

  @Test("of what goes on for ever doubles its pauses until they are long, and begins anew") func backOff() {
    var pauses = BackOff(first: .seconds(1), longest: .seconds(5))
    #expect((0..<5).map { _ in pauses.pause(jitter: 0) } == [1, 2, 4, 5, 5].map { .seconds($0) })
    pauses.reset()
    #expect(pauses.pause(jitter: 1) == .seconds(2))
  }
}
