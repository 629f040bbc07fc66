import Faults
import TextEncodings

/// Where objects of a type are, or one of them.
struct ResourcePath: Hashable, Sendable {
  let type: ResourceType
  /// `nil` for objects without one, and for all namespaces.
  let namespace: String?
  /// `nil` for all objects.
  let name: String?
  /// `status`, `scale`.
  let subresource: String?

  /// All objects of a type.
  init(_ type: ResourceType, namespace: String?) {
    self.type = type
    self.namespace = type.isNamespaced ? namespace : nil
    name = nil
    subresource = nil
  }

  /// One object.
  ///
  /// - Throws: `Fault(.invalid)` when an object of the type needs a namespace and has none.
  init(_ type: ResourceType, namespace: String?, name: String, subresource: String? = nil) throws {
    self.type = type
    self.namespace = type.isNamespaced ? namespace : nil
    self.name = name
    self.subresource = subresource
    guard !type.isNamespaced || namespace != nil else {
      throw Fault(
        .invalid, operation: "use \(type) \(name)", reason: "it lies in a namespace, and none is named",
        remedy: "name the namespace")
    }
  }

  /// For messages: `configmaps kube-system/extension-apiserver-authentication`.
  var label: String {
    let place = [namespace, name].compactMap { $0 }.joined(separator: "/")
    let what = subresource.map { "\($0) of \(type)" } ?? "\(type)"
    if place.isEmpty { return what }
    return name == nil ? "\(what) in namespace \(place)" : "\(what) \(place)"
  }

  /// - Throws: `Fault(.invalid)` for names that the API does not take as part of a path.
  func text() throws -> String {
    var path = type.groupPath
    if let namespace { path += "/namespaces/\(try Self.segment(namespace))" }
    path += "/\(try Self.segment(type.plural))"
    if let name { path += "/\(try Self.segment(name))" }
    if let subresource { path += "/\(try Self.segment(subresource))" }
    return path
  }

  /// The rule of apimachinery's `IsValidPathSegmentName`, and that of etcd's keys for the length.
  private static func segment(_ text: String) throws -> String {
    let isPlain = !text.isEmpty && text.utf8.count <= 253 && text != "." && text != ".."
    guard isPlain, !text.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") || $0 < 0x20 })
    else {
      throw Fault(
        .invalid, operation: "use '\(text.prefix(64))' in a path of the Kubernetes API",
        reason: "a name has 1 to 253 bytes, is not '.' or '..', and has no '/' or '%'", remedy: "correct the name")
    }
    return percentEncoded(text)
  }
}
