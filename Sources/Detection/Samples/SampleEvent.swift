import Faults
import Manifests

/// An event written by hand: the values of its fields by name. What it does not name it does not have.
package final class SampleEvent: FieldSource {
  package let eventType: EventType
  private let values: [String: Manifest]
  private var fields: [FieldReference] = []

  /// - Parameter manifest: a mapping from fields to values, `evt.type` among them.
  /// - Throws: `Fault(.invalid)` naming the line and the field that is unknown or has a value of another type.
  package init(_ manifest: Manifest) throws {
    var values: [String: Manifest] = [:]
    for (name, value) in try manifest.entries() {
      let field: FieldReference?
      do {
        field = try FieldReference.resolve(name)
      } catch {
        throw value.fault(error.message, remedy: "name a field of 'lobstack rules fields'")
      }
      guard let field else {
        throw value.fault("there is no field '\(name)'", remedy: "name a field of 'lobstack rules fields'")
      }
      try Self.check(value, field)
      values[name] = value
    }
    guard let type = values["evt.type"], case .string(let name) = type.value, let known = EventType(name) else {
      throw manifest.fault(
        "the event has no evt.type, or one that there is not", remedy: "add evt.type, the name of a system call")
    }
    eventType = known
    self.values = values
  }

  /// Has to be called before the event is matched: rules number their fields.
  package func bind(to rules: CompiledRules) { fields = rules.fields }

  package func value(of field: Int, in arena: ValueArena) -> FieldValue {
    guard fields.indices.contains(field) else { return .absent }
    let reference = fields[field]
    if reference.name == "syscall.type", values[reference.name] == nil { return arena.string(eventType.description) }
    guard let value = values[reference.name] ?? Self.addresses[reference.name].flatMap({ values[$0] }) else {
      return .absent
    }
    return Self.value(value, reference, in: arena)
  }

  /// The address that is in a network or not.
  private static let addresses = ["fd.cnet": "fd.cip", "fd.snet": "fd.sip", "fd.lnet": "fd.lip", "fd.rnet": "fd.rip"]

  private static func check(_ value: Manifest, _ field: FieldReference) throws {
    switch value.value {
    case .list(let items):
      for item in items { try check(item, field) }
    case .int, .double, .bool, .string:
      guard convert(value, field.definition.type) != nil else {
        throw value.fault(
          "the field '\(field.name)' cannot be \(value.kind)",
          remedy: "write a value of type \(field.definition.type.rawValue)")
      }
    case .null, .map:
      throw value.fault("a field cannot be \(value.kind)", remedy: "write a value, or leave the field out")
    }
  }

  private enum Converted {
    case number(UInt64)
    case address(IPAddress)
    case text(String)
  }

  private static func convert(_ value: Manifest, _ type: ValueType) -> Converted? {
    switch (type.family, value.value) {
    case (.bool, .bool(let bool)): return .number(bool ? 1 : 0)
    case (.signed, .int(let number)): return .number(UInt64(bitPattern: Int64(number)))
    case (.unsigned, .int(let number)): return number >= 0 ? .number(UInt64(number)) : nil
    case (.double, .int(let number)): return .number(Double(number).bitPattern)
    case (.double, .double(let number)): return .number(number.bitPattern)
    case (.address, .string(let text)), (.network, .string(let text)): return IPAddress(text).map(Converted.address)
    case (.string, _), (.bytes, _), (.other, _): return value.plainText.map(Converted.text)
    default: return nil
    }
  }

  private static func value(_ value: Manifest, _ field: FieldReference, in arena: ValueArena) -> FieldValue {
    if case .list(let items) = value.value {
      let converted = items.compactMap { convert($0, field.definition.type) }
      let numbers = converted.compactMap { if case .number(let number) = $0 { number } else { nil } }
      if !numbers.isEmpty { return arena.numbers(numbers) }
      arena.begin()
      for case .text(let text) in converted {
        arena.append(text)
        arena.endElement()
      }
      return arena.endList()
    }
    switch convert(value, field.definition.type) {
    case .number(let number): return .number(number)
    case .address(let address): return .address(address)
    case .text(let text): return arena.string(text)
    case nil: return .absent
    }
  }
}

extension Manifest {
  /// A scalar as text.
  fileprivate var plainText: String? {
    switch value {
    case .string(let text): text
    case .int(let number): "\(number)"
    case .bool(let bool): "\(bool)"
    case .double(let number): "\(number)"
    case .null, .list, .map: nil
    }
  }
}
