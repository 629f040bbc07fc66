import Admission
import Faults
import Rego

/// What the API server is told (`admission.k8s.io/v1` AdmissionReview), in Gatekeeper's words.
enum ReviewAnswer {
  static func text(_ decision: Decision, uid: String) -> String {
    var response: ObjectValue = ["uid": .string(uid), "allowed": .bool(decision.isAllowed)]
    let (code, reason, message): (Int, String, String) =
      if !decision.failures.isEmpty {
        (500, "InternalError", decision.failures.map(\.description).joined(separator: "\n"))
      } else if !decision.isAllowed {
        (403, "Forbidden", decision.denials.map(\.text).joined(separator: "\n"))
      } else {
        (decision.warnings.isEmpty ? 200 : 299, "", "")
      }
    var status: ObjectValue = ["code": .int(code)]
    if !reason.isEmpty {
      status["reason"] = .string(reason)
      status["message"] = .string(message)
    }
    response["status"] = .object(status)
    if !decision.warnings.isEmpty {
      response["warnings"] = .array(decision.warnings.map { .string($0.text) })
    }
    let answer: Value = [
      "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": .object(response),
    ]
    return answer.json
  }
}
