import JSONValues
import NIOHTTP1

/// What changes an object in place.
package enum Patch: Hashable, Sendable {
  /// Members take the place of the object's; `null` removes one (RFC 7396).
  case merge(JSON)
  /// Operations in order, all or none (RFC 6902).
  case json([JSON])
}

/// How an object is deleted.
package struct Deletion: Hashable, Sendable {
  /// What becomes of the objects that it owns.
  package enum Propagation: String, Hashable, Sendable {
    /// They go after it.
    case background = "Background"
    /// It goes after them.
    case foreground = "Foreground"
    case orphan = "Orphan"
  }

  /// Only this very object, not one of its name that came later.
  package var uid: String?
  /// Only in this state.
  package var resourceVersion: String?
  package var propagation: Propagation
  /// Seconds that a Pod's programs have to end; `nil` for as many as it says itself.
  package var grace: Int?
  package var isDryRun: Bool

  package init(
    uid: String? = nil, resourceVersion: String? = nil, propagation: Propagation = .background, grace: Int? = nil,
    isDryRun: Bool = false
  ) {
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.propagation = propagation
    self.grace = grace
    self.isDryRun = isDryRun
  }

  var body: JSON {
    var preconditions: [String: JSON] = [:]
    preconditions["uid"] = uid.map(JSON.string)
    preconditions["resourceVersion"] = resourceVersion.map(JSON.string)
    var options: [String: JSON] = ["propagationPolicy": .string(propagation.rawValue)]
    options["kind"] = "DeleteOptions"
    options["apiVersion"] = "v1"
    if !preconditions.isEmpty { options["preconditions"] = .object(preconditions) }
    options["gracePeriodSeconds"] = grace.map(JSON.int)
    if isDryRun { options["dryRun"] = ["All"] }
    return .object(options)
  }
}

extension KubernetesClient {
  /// Makes an object. It is never repeated when it may have been done: after `unavailable` or `timedOut`, look.
  ///
  /// - Returns: it, as the server has it now; so with all changes.
  @discardableResult
  package func create(
    _ object: KubernetesObject, of type: ResourceType, _ options: WriteOptions = WriteOptions()
  ) async throws -> KubernetesObject {
    let place = try path(of: object, type, nil)
    var request = try APIRequest(
      .POST, ResourcePath(type, namespace: place.namespace), query: options.query(manager: fieldManager),
      body: object.json.bytes, verb: "create", isIdempotent: false)
    request.operation = "create \(place.label)"
    return try await self.object(request)
  }

  /// Puts an object in the place of the one of its name, in the state that its resource version says.
  ///
  /// - Throws: `Fault(.conflict)` when that changed meanwhile.
  @discardableResult
  package func replace(
    _ object: KubernetesObject, of type: ResourceType, subresource: String? = nil,
    _ options: WriteOptions = WriteOptions()
  ) async throws -> KubernetesObject {
    let request = try APIRequest(
      .PUT, path(of: object, type, subresource), query: options.query(manager: fieldManager), body: object.json.bytes,
      verb: "replace", isIdempotent: false)
    return try await self.object(request)
  }

  /// Has an object be as said (server-side apply): it is made when it is not there, and fields that this manager said
  /// before and does not say now go.
  ///
  /// - Parameter force: takes fields from their managers; only for what must be as said.
  /// - Throws: `Fault(.conflict)` naming the fields that others manage, and who they are.
  @discardableResult
  package func apply(
    _ object: KubernetesObject, of type: ResourceType, force: Bool = false, subresource: String? = nil,
    _ options: WriteOptions = WriteOptions()
  ) async throws -> KubernetesObject {
    let query = options.query(manager: fieldManager) + [("force", "\(force)")]
    let request = try APIRequest(
      .PATCH, path(of: object, type, subresource), query: query, body: object.json.bytes,
      mediaType: "application/apply-patch+yaml", verb: "apply", isIdempotent: true)
    return try await self.object(request)
  }

  @discardableResult
  package func patch(
    _ patch: Patch, _ type: ResourceType, _ name: String, namespace: String? = nil, subresource: String? = nil,
    _ options: WriteOptions = WriteOptions()
  ) async throws -> KubernetesObject {
    let path = try ResourcePath(type, namespace: namespace, name: name, subresource: subresource)
    let query = options.query(manager: fieldManager)
    switch patch {
    case .merge(let change):
      return try await object(
        APIRequest(
          .PATCH, path, query: query, body: change.bytes, mediaType: "application/merge-patch+json", verb: "patch",
          isIdempotent: true))
    case .json(let operations):
      return try await object(
        APIRequest(
          .PATCH, path, query: query, body: JSON.array(operations).bytes, mediaType: "application/json-patch+json",
          verb: "patch", isIdempotent: false))
    }
  }

  /// Deletes an object; one that has finalizers, or a grace period, goes later.
  ///
  /// - Throws: `Fault(.notFound)` when there is none, `Fault(.conflict)` when it is not the one that was meant.
  package func delete(
    _ type: ResourceType, _ name: String, namespace: String? = nil, _ deletion: Deletion = Deletion()
  ) async throws {
    let path = try ResourcePath(type, namespace: namespace, name: name)
    _ = try await send(
      APIRequest(.DELETE, path, body: deletion.body.bytes, verb: "delete", isIdempotent: true))
  }

  /// Deletes all objects of a selection in a namespace.
  package func deleteAll(
    _ type: ResourceType, namespace: String, _ selection: Selection, _ deletion: Deletion = Deletion()
  ) async throws {
    _ = try await send(
      APIRequest(
        .DELETE, ResourcePath(type, namespace: namespace), query: selection.query, body: deletion.body.bytes,
        verb: "delete", isIdempotent: true))
  }

  private func path(of object: KubernetesObject, _ type: ResourceType, _ subresource: String?) throws -> ResourcePath {
    try ResourcePath(type, namespace: object.namespace, name: object.name, subresource: subresource)
  }
}
