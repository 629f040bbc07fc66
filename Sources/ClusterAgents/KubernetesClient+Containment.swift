import Faults
import Foundation
import KubernetesAPI

extension KubernetesClient {
  /// Others that change the Agent at the same time and that are waited out.
  private static var mostTries: Int { 10 }

  /// Says a containment in an Agent's status, where its operator holds on to it, unless the same or more is in force.
  ///
  /// - Parameter uid: of the Agent; nothing is said of another that has its name by now.
  /// - Throws: `Fault(.conflict)` when others change the Agent all the time.
  package func contain(_ key: ObjectKey, uid: String, _ containment: Containment) async throws {
    var tries = 0
    while true {
      let agent: KubernetesObject
      do { agent = try await get(AgentObject.type, key.name, namespace: key.namespace) } catch let fault as Fault
        where fault.code == .notFound
      { return }
      guard agent.uid == uid, let status = containment.status(of: agent, now: .now) else { return }
      do {
        try await apply(status, of: AgentObject.type, force: true, subresource: "status")
        return
      } catch let fault as Fault where fault.code == .notFound {
        return
      } catch let fault as Fault where fault.code == .conflict {
        tries += 1
        guard tries < Self.mostTries else { throw fault }
      }
    }
  }
}
