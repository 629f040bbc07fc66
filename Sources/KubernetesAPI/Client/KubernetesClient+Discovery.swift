import Faults
import JSONValues

/// A type that a cluster serves (`meta/v1` APIResource).
package struct ServedType: Hashable, Sendable {
  package var plural: String
  package var kind: String
  package var isNamespaced: Bool
  package var verbs: [String]
}

extension KubernetesClient {
  /// The types of a group's version, without their subresources; none when the cluster does not serve it.
  package func servedTypes(group: String, version: String) async throws -> [ServedType] {
    let path = ResourceType(group: group, version: version, plural: "").groupPath
    var request = APIRequest(reading: path)
    request.operation = "ask for the types of \(path)"
    let answer: [UInt8]
    do { answer = try await send(request) } catch let fault as Fault where fault.code == .notFound { return [] }
    let list = try decoded(request) { () throws(JSONError) in try JSON(answer) }
    return (list["resources"]?.array ?? []).compactMap { item in
      guard let plural = item["name"]?.string, !plural.contains("/"), let kind = item["kind"]?.string else {
        return nil
      }
      return ServedType(
        plural: plural, kind: kind, isNamespaced: item["namespaced"]?.bool ?? false,
        verbs: item["verbs"]?.array?.compactMap(\.string) ?? [])
    }
  }

  /// Whether the cluster has a type: of Istio, of cert-manager.
  package func serves(_ type: ResourceType) async throws -> Bool {
    try await servedTypes(group: type.group, version: type.version).contains { $0.plural == type.plural }
  }
}
