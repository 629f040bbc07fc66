import Faults

/// The fields of a mapping, taken one by one; what nobody took is an unknown field.
package struct Fields {
  private let manifest: Manifest
  private var entries: [String: Manifest]
  private var known: [String] = []

  /// - Throws: `Fault(.invalid)` when `manifest` is not a mapping.
  package init(_ manifest: Manifest) throws {
    self.manifest = manifest
    guard case .map(let pairs) = manifest.value else {
      throw manifest.fault("expected a mapping, found \(manifest.kind)", remedy: "write 'key: value' lines")
    }
    entries = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
  }

  package var place: Manifest.Place { manifest.place }

  package mutating func take(_ name: String) -> Manifest? {
    known.append(name)
    guard let field = entries.removeValue(forKey: name) else { return nil }
    if case .null = field.value { return nil }
    return field
  }

  package mutating func require(_ name: String) throws -> Manifest {
    if let field = take(name) { return field }
    let missing = manifest.place.path.isEmpty ? name : "\(manifest.place.path).\(name)"
    throw manifest.fault("the field \(missing) is missing", remedy: "add it")
  }

  /// - Throws: `Fault(.invalid)` naming the first field that nobody took.
  package func finish() throws {
    guard let (name, field) = entries.min(by: { ($0.value.place.line ?? 0) < ($1.value.place.line ?? 0) }) else {
      return
    }
    throw field.fault("unknown field '\(name)'", remedy: "use one of: \(known.joined(separator: ", "))")
  }
}

extension Manifest {
  package func fault(_ reason: String, remedy: String) -> Fault {
    Fault(.invalid, operation: "read \(place)", reason: reason, remedy: remedy)
  }

  package var kind: String {
    switch value {
    case .null: "nothing"
    case .bool: "true or false"
    case .int: "a number"
    case .double: "a fraction"
    case .string: "text"
    case .list: "a list"
    case .map: "a mapping"
    }
  }

  package func string() throws -> String {
    guard case .string(let text) = value else {
      throw fault("expected text, found \(kind)", remedy: "put the value in quotes")
    }
    return text
  }

  package func bool() throws -> Bool {
    guard case .bool(let bool) = value else {
      throw fault("expected true or false, found \(kind)", remedy: "write true or false")
    }
    return bool
  }

  package func int(in range: ClosedRange<Int>) throws -> Int {
    if case .string(let digits) = value, digits.count > 18, digits.allSatisfy({ ("0"..."9").contains($0) }) {
      throw fault(
        "\(digits.prefix(40)) is not between \(range.lowerBound) and \(range.upperBound)",
        remedy: "choose a number in that range")
    }
    guard case .int(let number) = value else {
      throw fault("expected a whole number, found \(kind)", remedy: "write a number without quotes")
    }
    guard range.contains(number) else {
      throw fault(
        "\(number) is not between \(range.lowerBound) and \(range.upperBound)", remedy: "choose a number in that range")
    }
    return number
  }

  package func list() throws -> [Manifest] {
    guard case .list(let items) = value else {
      throw fault("expected a list, found \(kind)", remedy: "write '- item' lines or [a, b]")
    }
    return items
  }

  package func strings() throws -> [String] { try list().map { try $0.string() } }

  /// A mapping from any text to values, for labels and environments.
  package func entries() throws -> [(key: String, value: Manifest)] {
    guard case .map(let pairs) = value else {
      throw fault("expected a mapping, found \(kind)", remedy: "write 'key: value' lines")
    }
    return pairs
  }

  package func stringMap() throws -> [String: String] {
    Dictionary(try entries().map { ($0.key, try $0.value.string()) }) { first, _ in first }
  }
}
