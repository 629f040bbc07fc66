import Faults
import FoundationEssentials

/// An answer that is no success, and what it means.
struct VaultRefusal: Sendable {
  let status: Int
  let errors: [String]

  private struct Body: Decodable {
    var errors: [String]?
  }

  init(status: Int, body: [UInt8]) {
    self.status = status
    // Something else than the secrets manager may answer at that address: its status is all there is to tell.
    errors = (try? JSONDecoder().decode(Body.self, from: Data(body)))?.errors ?? []
  }

  /// Whether another node, or the same one in a moment, may answer otherwise; nothing was done.
  ///
  /// The node behind the index that was asked for says 412 as Vault, and 429 without any error as OpenBao. A quota is a
  /// 429 with an error. A node that lost its leader says 500 with one known text.
  var isPassing: Bool {
    switch status {
    case 307, 412, 472, 473, 502, 504: true
    case 429: true
    case 500: errors.contains { $0.contains("local node not active") }
    case 503: !isSealed
    default: false
    }
  }

  var isSealed: Bool { status == 503 && errors.contains { $0.contains("is sealed") } }

  private static let longestError = 300

  func fault(_ operation: String) -> Fault {
    let told = errors.map { $0.prefix(Self.longestError).replacing("\n", with: " ") }.joined(separator: "; ")
    func fault(_ code: Fault.Code, _ reason: String, _ remedy: String) -> Fault {
      let detail = told.isEmpty ? "" : " (\(told))"
      return Fault(code, operation: operation, reason: "\(reason)\(detail)", remedy: remedy)
    }
    switch status {
    case 400 where told.contains("check-and-set"):
      return fault(.conflict, "it was changed meanwhile", "read it again and repeat the change")
    case 400: return fault(.invalid, "the secrets manager refuses the request", "correct what it names")
    case 401, 403:
      return fault(
        .denied, "the secrets manager does not allow it", "check the policy of the token with 'lobstack vault status'")
    case 404: return fault(.notFound, "the secrets manager has nothing there", "check the name")
    case 405: return fault(.unsupported, "the secrets manager does not know this request", "update the secrets manager")
    case 413: return fault(.invalid, "the request is too large for the secrets manager", "send less at a time")
    case 429: return fault(.exhausted, "the secrets manager limits the rate of requests", "try again in a moment")
    case 503 where isSealed:
      return fault(.unavailable, "the secrets manager is sealed", "unseal it with 'lobstack vault unseal'")
    case 307, 412, 472, 473, 502, 503, 504:
      return fault(
        .unavailable, "no node of the secrets manager is active", "see 'lobstack vault status', and try again")
    case 500 where isPassing:
      return fault(.unavailable, "the secrets manager has no leader now", "try again in a moment")
    default:
      // It may have been done all the same: the answer could not be recorded, for one.
      return fault(
        .failed, "the secrets manager failed with HTTP \(status)",
        "see its log and the disk that its audit log is on; whether the change was made is not known")
    }
  }
}
