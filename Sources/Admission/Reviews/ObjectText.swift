import Faults
import Manifests
import Rego

/// Objects of Kubernetes as people and programs write them.
package enum ObjectText {
  /// Longest text, in bytes: more than the API server takes (3 MiB).
  package static let longest = 4 << 20
  /// For texts of callers who may send many.
  package static let short = Manifest.Limits.configuration

  package struct Object: Sendable {
    package var value: Value
    package var place: String
  }

  /// The documents of YAML or JSON; the items of a List are objects of their own.
  ///
  /// - Throws: `Fault(.invalid)` naming source, line and reason.
  package static func parse(
    _ text: String, source: String, limits: Manifest.Limits = .objects
  ) throws -> [Object] {
    guard text.utf8.count <= limits.bytes else {
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it has \(text.utf8.count) bytes, more than \(limits.bytes)",
        remedy: "split it")
    }
    if let first = text.utf8.first(where: { !" \t\r\n".utf8.contains($0) }), first == UInt8(ascii: "{"),
      let value = try? Value(json: text)
    {
      return items(of: Object(value: value, place: source))
    }
    return try Manifest.parse(text, source: source, limits: limits).flatMap { manifest in
      items(of: Object(value: Value(manifest), place: "\(manifest.place)"))
    }
  }

  private static func items(of object: Object) -> [Object] {
    guard object.value["kind"]?.text?.hasSuffix("List") == true, let items = object.value["items"]?.items else {
      return [object]
    }
    return items.enumerated().map { Object(value: $0.element, place: "\(object.place) items[\($0.offset)]") }
  }
}
