import Faults
import Rego

package struct GroupVersionKind: Hashable, Sendable, CustomStringConvertible {
  package var group: String
  package var version: String
  package var kind: String

  package init(group: String, version: String, kind: String) {
    (self.group, self.version, self.kind) = (group, version, kind)
  }

  /// - Parameter apiVersion: `group/version`, or `version` alone for the core group.
  package init(apiVersion: String, kind: String) {
    let parts = apiVersion.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    self.init(group: parts.count == 2 ? parts[0] : "", version: parts.last ?? "", kind: kind)
  }

  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
  package var description: String { "\(apiVersion) \(kind)" }
}

/// What policies are asked about: an object that is to be created, changed or deleted, or one that exists
/// (`admission.k8s.io/v1` AdmissionRequest).
package struct Review: Sendable {
  package let uid: String
  package let kind: GroupVersionKind
  package let name: String
  /// Empty for what is in no namespace.
  package let namespace: String
  package let operation: String
  package let object: Value?
  package let oldObject: Value?
  /// As policies see it, as `input.review`.
  let request: Value

  /// Of an object alone.
  ///
  /// - Parameters:
  ///   - old: what it was before an UPDATE.
  ///   - operation: empty for an object that exists.
  ///   - user: who wants it.
  /// - Throws: `Fault(.invalid)` when it is no object of Kubernetes.
  package init(_ object: Value, replacing old: Value? = nil, operation: String = "", user: String? = nil) throws {
    guard let kind = Self.kind(of: object) else {
      throw Self.fault("it has no apiVersion and kind", remedy: "give an object of Kubernetes, or an AdmissionReview")
    }
    self.kind = kind
    (uid, self.operation) = ("", operation)
    name = object["metadata", "name"]?.text ?? ""
    namespace = object["metadata", "namespace"]?.text ?? ""
    (self.object, oldObject) = (object, old)
    var request: ObjectValue = [
      "kind": kind.value, "name": .string(name), "object": object, "operation": .string(operation),
    ]
    if let old { request["oldObject"] = old }
    if let user { request["userInfo"] = ["username": .string(user)] }
    if !namespace.isEmpty { request["namespace"] = .string(namespace) }
    self.request = .object(request)
  }

  /// Of an AdmissionReview.
  ///
  /// - Throws: `Fault(.invalid)` when it is none, or has nothing to be reviewed.
  package init(admissionReview: Value) throws {
    guard let request = admissionReview["request"]?.object else {
      throw Self.fault("it has no request", remedy: "give an AdmissionReview of admission.k8s.io/v1")
    }
    uid = request["uid"]?.text ?? ""
    operation = request["operation"]?.text ?? ""
    let old = request["oldObject"].flatMap { $0.object == nil ? nil : $0 }
    var new = request["object"].flatMap { $0.object == nil ? nil : $0 }
    if operation == "DELETE", new == nil {
      guard let old else {
        throw Self.fault("it is about a DELETE and has no oldObject", remedy: "give the object that is deleted")
      }
      new = old
    }
    guard new != nil || old != nil else {
      throw Self.fault("it has neither object nor oldObject", remedy: "give what is to be reviewed")
    }
    (object, oldObject) = (new, old)
    var shown = request
    if let new { shown["object"] = new }
    let given = Value.object(request)
    if let kind = given["kind", "kind"]?.text {
      self.kind = GroupVersionKind(
        group: given["kind", "group"]?.text ?? "", version: given["kind", "version"]?.text ?? "", kind: kind)
    } else {
      guard let kind = (new ?? old).flatMap(Self.kind) else {
        throw Self.fault("it tells no kind", remedy: "set request.kind")
      }
      self.kind = kind
      shown["kind"] = kind.value
    }
    name = request["name"]?.text ?? (new ?? old)?["metadata", "name"]?.text ?? ""
    namespace = request["namespace"]?.text ?? (new ?? old)?["metadata", "namespace"]?.text ?? ""
    self.request = .object(shown)
  }

  /// Of a document that is either.
  package static func of(_ document: Value) throws -> Review {
    let isReview =
      document["kind"]?.text == "AdmissionReview"
      && document["apiVersion"]?.text?.hasPrefix("admission.k8s.io/") == true
    return isReview ? try Review(admissionReview: document) : try Review(document)
  }

  /// Whether another is about the same object.
  package func isSameObject(as other: Review) -> Bool {
    (kind, name, namespace) == (other.kind, other.name, other.namespace)
  }

  /// What it is about, for people.
  package var title: String { "\(kind.kind) \(namespace.isEmpty ? "" : "\(namespace)/")\(name)" }

  private static func kind(of object: Value) -> GroupVersionKind? {
    guard let version = object["apiVersion"]?.text, let kind = object["kind"]?.text, !version.isEmpty, !kind.isEmpty
    else { return nil }
    return GroupVersionKind(apiVersion: version, kind: kind)
  }

  private static func fault(_ reason: String, remedy: String) -> Fault {
    Fault(.invalid, operation: "review an object", reason: reason, remedy: remedy)
  }
}

extension GroupVersionKind {
  fileprivate var value: Value {
    .object(["group": .string(group), "version": .string(version), "kind": .string(kind)])
  }
}
