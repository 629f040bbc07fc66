/// Values as JSON, in which Vault's API takes and gives what configuration files write in HCL.
extension HCLValue: Codable {
  package init(from decoder: any Decoder) throws {
    if let fields = try? decoder.container(keyedBy: Name.self) {
      var object = HCLObject()
      // A JSON object has each key once here: the decoder keeps one of several.
      for key in fields.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
        _ = object.add(try fields.decode(HCLValue.self, forKey: key), for: key.stringValue)
      }
      self = .object(object)
      return
    }
    if var items = try? decoder.unkeyedContainer() {
      var values: [HCLValue] = []
      while !items.isAtEnd { values.append(try items.decode(HCLValue.self)) }
      self = .list(values)
      return
    }
    let value = try decoder.singleValueContainer()
    // What is not of one type is of the next; the last one's error is told.
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let int = try? value.decode(Int.self) {
      self = .int(int)
    } else if let double = try? value.decode(Double.self) {
      self = .double(double)
    } else {
      self = .string(try value.decode(String.self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    switch self {
    case .list(let values):
      var items = encoder.unkeyedContainer()
      for value in values { try items.encode(value) }
    case .object(let object): try object.encode(to: encoder)
    case .null: try encode(nil as String?, to: encoder)
    case .bool(let value): try encode(value, to: encoder)
    case .int(let value): try encode(value, to: encoder)
    case .double(let value): try encode(value, to: encoder)
    case .string(let value): try encode(value, to: encoder)
    }
  }

  private func encode(_ value: some Encodable, to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }

  fileprivate struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension HCLObject: Codable {
  package init(from decoder: any Decoder) throws {
    let value = try HCLValue(from: decoder)
    guard case .object(let object) = value else {
      throw DecodingError.typeMismatch(
        HCLObject.self, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "it is no object"))
    }
    self = object
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: HCLValue.Name.self)
    for (key, value) in entries { try fields.encode(value, forKey: HCLValue.Name(stringValue: key)) }
  }
}
