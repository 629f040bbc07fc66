import Faults
import Foundation
import KubernetesAPI

extension KubernetesClient {
  /// Others that change the Agent at the same time and that are waited out.
  private static var mostTries: Int { 10 }

  /// Says a containment in an Agent's status, where its operator holds on to it, unless the same or more is in force.
  ///
  /// - Parameter uid: of the Agent; nothing is said of another that has its name by now.
  /// - Returns: whether it is in force; `false` when there is no such Agent any more.
  /// - Throws: `Fault(.conflict)` when others change the Agent all the time.
  package func contain(_ key: ObjectKey, uid: String, _ containment: Containment) async throws -> Bool {
    var tries = 0
    // Whoever changes the Agent in a loop is not met in the same step again and again.
    var pauses = BackOff(first: .milliseconds(10), longest: .milliseconds(500))
    while true {
      let agent: KubernetesObject
      do { agent = try await get(AgentObject.type, key.name, namespace: key.namespace) } catch let fault as Fault
        where fault.code == .notFound
      { return false }
      guard agent.uid == uid else { return false }
      guard let status = containment.status(of: agent, now: .now) else { return true }
      do {
        try await apply(status, of: AgentObject.type, force: true, subresource: "status")
        return true
      } catch let fault as Fault where fault.code == .notFound {
        return false
      } catch let fault as Fault where fault.code == .conflict {
        tries += 1
        guard tries < Self.mostTries else { throw fault }
        try await Task.sleep(for: pauses.pause(jitter: .random(in: 0...1)))
      }
    }
  }
}
