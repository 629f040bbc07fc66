import HCL

/// Values as OpenBao's configuration language writes them.
enum HCLText {
  static func value(_ value: HCLValue) -> String {
    switch value {
    case .null: "\"\""
    case .bool(let value): value ? "true" : "false"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let text): quoted(text)
    case .list(let values): "[\(values.map(Self.value).joined(separator: ", "))]"
    case .object(let object):
      "{ \(object.entries.map { "\(quoted($0.key)) = \(Self.value($0.value))" }.joined(separator: ", ")) }"
    }
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      // The beginnings of templates of the language, which it would look into.
      case "$": result += "\\u0024"
      case "%": result += "\\u0025"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
