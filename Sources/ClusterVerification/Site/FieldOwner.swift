import JSONValues
import KubernetesAPI

/// Who manages the number of an object's Pods (`meta/v1` ManagedFieldsEntry): whose word it is, and how that was given.
struct FieldOwner: Hashable, Sendable {
  var manager: String
  var operation: String
  var subresource: String?

  /// As an annotation has it; the first is a name without bounds.
  var text: String { [operation, subresource ?? "-", manager].joined(separator: " ") }

  /// - Returns: `nil` for what is none.
  init?(text: String) {
    let words = text.split(separator: " ", maxSplits: 2).map(String.init)
    guard words.count == 3 else { return nil }
    (operation, subresource, manager) = (words[0], words[1] == "-" ? nil : words[1], words[2])
  }

  /// - Parameter entries: `metadata.managedFields`.
  /// - Returns: `nil` where nobody manages it.
  init?(among entries: [JSON]) {
    guard let entry = entries.first(where: { $0["fieldsV1"]?["f:spec"]?["f:replicas"] != nil }),
      let manager = entry["manager"]?.string, let operation = entry["operation"]?.string
    else { return nil }
    self.manager = manager
    self.operation = operation
    subresource = entry["subresource"]?.string
  }

  private func isOf(_ entry: JSON) -> Bool {
    entry["manager"]?.string == manager && entry["operation"]?.string == operation
      && entry["subresource"]?.string == subresource
  }

  /// Without those of a manager, and with the number of Pods as another's.
  static func entries(_ entries: [JSON], without manager: String, replicasOf owner: FieldOwner?) -> [JSON] {
    var kept = entries.filter { $0["manager"]?.string != manager }
    guard let owner, owner.manager != manager else { return kept }
    let place = kept.firstIndex(where: owner.isOf)
    var entry = place.map { kept[$0] } ?? owner.entry
    var fields = entry["fieldsV1"] ?? [:]
    var spec = fields["f:spec"] ?? [:]
    spec["f:replicas"] = [:]
    fields["f:spec"] = spec
    entry["fieldsV1"] = fields
    if let place { kept[place] = entry } else { kept.append(entry) }
    return kept
  }

  /// Of no field; a manager has none any more whose only field another has taken.
  private var entry: JSON {
    var entry: JSON = [
      "manager": .string(manager), "operation": .string(operation), "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
    ]
    entry["subresource"] = subresource.map(JSON.string)
    return entry
  }
}

extension KubernetesClient {
  /// Who manages which fields of a Deployment or StatefulSet, which objects as they are read do not have, and the state that
  /// this was of.
  func fieldManagers(of type: ResourceType, _ name: String, in namespace: String) async throws -> (
    entries: [JSON], resourceVersion: String
  ) {
    let text = try await text(at: "/apis/apps/v1/namespaces/\(namespace)/\(type.plural)/\(name)")
    let metadata = try JSON(Array(text.utf8))["metadata"]
    return (metadata?["managedFields"]?.array ?? [], metadata?["resourceVersion"]?.string ?? "")
  }
}
