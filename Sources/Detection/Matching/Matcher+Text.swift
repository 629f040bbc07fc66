import AgentModel

/// Values as people and programs read them.
extension Matcher {
  /// - Returns: `nil` when the event does not have it.
  func text(of value: FieldValue, _ format: ValueFormat) -> String? {
    switch value.kind {
    case .absent: return nil
    case .bytes: return String(decoding: arena.bytes(of: value), as: UTF8.self)
    case .list: return "(\(texts(of: value).joined(separator: ",")))"
    case .numbers:
      let items = (0..<Int(value.second)).map { text(of: arena.number($0, of: value), format) }
      return "(\(items.joined(separator: ",")))"
    case .addressV4: return IPAddress(v4: UInt32(truncatingIfNeeded: value.second)).description
    case .addressV6: return IPAddress(high: value.first, low: value.second).description
    case .number: return text(of: value.first, format)
    }
  }

  private func texts(of list: FieldValue) -> [String] {
    elements(of: list).map { String(decoding: arena.bytes(of: $0), as: UTF8.self) }
  }

  private func text(of bits: UInt64, _ format: ValueFormat) -> String {
    switch format.type.family {
    case .bool: return bits == 0 ? "false" : "true"
    case .double:
      let value = Double(bitPattern: bits)
      let tenths = (value * 10).rounded()
      return tenths.isFinite && tenths.magnitude < 1e15 ? "\(tenths / 10)" : "\(value)"
    case .signed where format.numberFormat == .decimal: return "\(Int64(bitPattern: bits))"
    default: break
    }
    switch format.numberFormat {
    case .decimal: return "\(bits)"
    case .hexadecimal: return String(bits & mask(format.type), radix: 16, uppercase: true)
    case .octal: return String(bits & mask(format.type), radix: 8)
    case .padded:
      let text = "\(bits)"
      return String(repeating: "0", count: max(0, 9 - text.count)) + text
    }
  }

  private func mask(_ type: ValueType) -> UInt64 { type.bits == 64 ? ~0 : 1 << UInt64(type.bits) - 1 }

  func json(of value: FieldValue, _ format: ValueFormat) -> JSONValue {
    switch value.kind {
    case .absent: return .null
    case .list: return .list(texts(of: value))
    case .bytes, .addressV4, .addressV6, .numbers: return .string(text(of: value, format) ?? "")
    case .number:
      switch format.type.family {
      case .bool: return .bool(value.first != 0)
      case .double: return .double(Double(bitPattern: value.first))
      case .signed where format.numberFormat == .decimal: return .int(Int64(bitPattern: value.first))
      default:
        return format.numberFormat == .decimal
          ? .unsigned(value.first) : .string(text(of: value.first, format))
      }
    }
  }

  /// What a rule says of the event at hand.
  ///
  /// - Parameter rule: an index into `rules.rules`.
  package func output(of rule: Int) -> (text: String, fields: [(name: String, value: JSONValue)]) {
    let output = rules.rules[rule].output
    var text = ""
    for part in output.parts {
      switch part {
      case .literal(let literal): text += literal
      case .term(let slot, let width):
        let value = self.text(of: single(slot), rules.formats[slot]) ?? "<NA>"
        text += width == 0 ? value : value.fixed(toWidth: width)
      }
    }
    let fields = output.fields.map { (name: $0.name, value: json(of: single($0.slot), rules.formats[$0.slot])) }
    return (text, fields)
  }
}

extension String {
  /// Cut, or with blanks behind it, to so many bytes.
  fileprivate func fixed(toWidth width: Int) -> String {
    let count = utf8.count
    guard count > width else { return self + String(repeating: " ", count: width - count) }
    return String(decoding: utf8.prefix(width), as: UTF8.self)
  }
}
