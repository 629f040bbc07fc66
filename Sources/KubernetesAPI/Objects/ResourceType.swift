/// A kind of object as the API's paths name it: `apis/apps/v1/…/deployments`.
package struct ResourceType: Hashable, Sendable, CustomStringConvertible {
  /// Empty for the core group.
  package let group: String
  package let version: String
  package let plural: String
  package let isNamespaced: Bool

  package init(group: String = "", version: String = "v1", plural: String, isNamespaced: Bool = true) {
    self.group = group
    self.version = version
    self.plural = plural
    self.isNamespaced = isNamespaced
  }

  /// As objects of it name it: `v1`, `apps/v1`.
  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

  /// As a CustomResourceDefinition is named, and as RBAC's messages name it: `agents.lobstack.dev`.
  package var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

  var groupPath: String { group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)" }
}
