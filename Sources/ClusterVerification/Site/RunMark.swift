import Foundation
import KubernetesAPI

/// How everything that a run makes is known again, also when the run was killed: a label with its id, and until when it is
/// in use at most.
struct RunMark: Hashable, Sendable {
  static let label = "verify.lobstack.dev/run"
  static let expiry = "verify.lobstack.dev/expires"
  /// What the names of a run's agents and namespaces begin with.
  static let agents = "verify-"
  static let namespaces = "lobstack-verify-"
  /// Longer than any run: what is older belongs to nobody.
  static let longestRun = Duration.seconds(20 * 60)

  /// Eight hexadecimal digits.
  let id: String
  let start: Date
  let expires: Date

  init(id: String, at now: Date, lasting time: Duration = longestRun) {
    self.id = id
    start = now
    expires = now.addingTimeInterval(TimeInterval(time.components.seconds))
  }

  static func random(at now: Date) -> RunMark {
    let digits = String(UInt32.random(in: .min ... .max), radix: 16)
    return RunMark(id: String(repeating: "0", count: 8 - digits.count) + digits, at: now)
  }

  func mark(_ object: KubernetesObject) -> KubernetesObject {
    var object = object
    object.labels[Self.label] = id
    object.annotations[Self.expiry] = expires.formatted(.iso8601)
    return object
  }

  /// Whether an object is the rest of a run that is over. One without a readable time is: nobody else marks objects so.
  static func isLeftOver(_ object: KubernetesObject, at now: Date) -> Bool {
    guard object.labels[label] != nil else { return false }
    guard let text = object.annotations[expiry], let end = try? Date(text, strategy: .iso8601) else { return true }
    return end <= now
  }
}
