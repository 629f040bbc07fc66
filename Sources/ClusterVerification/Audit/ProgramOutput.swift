import Faults
import Foundation
import JSONValues
import KubernetesAPI
import Verification

/// What the platform's programs have written on their standard output since a run began.
struct ProgramOutput: Sendable {
  let site: ClusterSite

  /// Bytes of one Pod's; of more the end would be unseen.
  static let longest = 8 << 20

  struct Text: Sendable {
    /// For people.
    let place: String
    /// As the Pod's label `app.kubernetes.io/name` says.
    let program: String
    let bytes: [UInt8]
  }

  /// - Throws: `NotTestable` when one is longer than can be searched.
  func texts(of namespace: String) async throws -> [Text] {
    var texts: [Text] = []
    for pod in try await site.client.list(.pods, namespace: namespace).objects where Self.isRead(pod) {
      let bytes: [UInt8]
      do {
        bytes = try await site.client.log(
          of: pod.name, namespace: namespace, last: Self.span(since: site.mark.start, at: .now), limit: Self.longest)
      } catch let fault as Fault where fault.code == .notFound {
        continue  // gone since it was listed
      }
      let text = Text(
        place: "the output of \(namespace)/\(pod.name)", program: pod.labels["app.kubernetes.io/name"] ?? "",
        bytes: bytes)
      try Self.requireWhole(text)
      texts.append(text)
    }
    return texts
  }

  /// Of one that has not started, or ends, nothing can be read.
  static func isRead(_ pod: KubernetesObject) -> Bool {
    guard !pod.isBeingDeleted, pod["status", "phase"]?.string == "Running" else { return false }
    return pod["status", "conditions"]?.array?.contains {
      $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
    } == true
  }

  static func span(since start: Date, at now: Date) -> Duration {
    .seconds(Int(max(0, now.timeIntervalSince(start))) + 5)
  }

  static func requireWhole(_ text: Text) throws {
    guard text.bytes.count < longest else {
      throw NotTestable("\(text.place) has more than \(longest >> 20) MiB of the run's time, and no more is searched")
    }
  }
}
