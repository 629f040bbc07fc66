import HCL
import SeededRandom

/// Makes documents, each as text in some of its possible forms and as the values that it stands for.
struct Writer {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func document() -> (text: String, attributes: HCLObject, blocks: [Block]) { body(depth: 0) }

  private mutating func body(depth: Int) -> (text: String, attributes: HCLObject, blocks: [Block]) {
    var (text, attributes, blocks): (String, HCLObject, [Block]) = ("", HCLObject(), [])
    for number in 0..<Int.random(in: 0..<4, using: &random) {
      text += one(of: ["", "\n", "  ", "# {\n", "/* } */"])
      if depth < 4, Bool.random(using: &random) {
        let labels = (0..<Int.random(in: 0..<3, using: &random)).map { _ in string() }
        let inner = body(depth: depth + 1)
        text += (["block"] + labels.map { quoted($0) }).joined(separator: " ") + " {\n" + inner.text + "}"
        blocks.append(Block(type: "block", labels: labels, attributes: inner.attributes, blocks: inner.blocks))
      } else {
        let (valueText, value) = value(depth: depth)
        text += "name-\(number)\(blank())=\(blank())\(valueText)"
        _ = attributes.add(value, for: "name-\(number)")
        if valueText.hasPrefix("<<") { text += "\n" }
      }
      text += one(of: ["\n", " # a\n", "\r\n", "\t// b\n\n"])
    }
    return (text, attributes, blocks)
  }

  private mutating func value(depth: Int) -> (String, HCLValue) {
    switch Int.random(in: 0..<(depth < 5 ? 8 : 6), using: &random) {
    case 0:
      let bool = Bool.random(using: &random)
      return ("\(bool)", .bool(bool))
    case 1: return ("null", .null)
    case 2:
      let int = Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random)
      return ("\(int)", .int(int))
    case 3:
      let double = Double(Int.random(in: -4000...4000, using: &random)) / 16
      return one(of: [("\(double)", .double(double)), ("\(double)e2", .double(double * 100))])
    case 4:
      let string = string()
      return (quoted(string), .string(string))
    case 5:
      let line = string().filter { !$0.isNewline && $0 != "\r" }
      let indentation = one(of: [" ", "   ", "\t"])
      return one(of: [
        ("<<EOT\n\(line)x\nEOT", .string(line + "x\n")),
        ("<<-E\n\(indentation)\(line)x\n\(indentation)E", .string(line + "x\n")),
      ])
    case 6:
      let items = (0..<Int.random(in: 0..<4, using: &random)).map { _ in value(depth: depth + 1) }
      let text = items.map { blank() + $0.0 + one(of: ["\n", "\r\n", "\n# c\n"]) }.joined(separator: ",")
      return ("[\(text)\(items.isEmpty || Bool.random(using: &random) ? "" : ",")]", .list(items.map(\.1)))
    default:
      var (text, object) = ("{\(one(of: ["", "\n"]))", HCLObject())
      for number in 0..<Int.random(in: 0..<4, using: &random) {
        let key = one(of: ["k\(number)", "\(number) é", "\(number)\\"])
        let (valueText, value) = value(depth: depth + 1)
        let end = valueText.hasPrefix("<<") ? "\n" : one(of: ["\n", ",", ",\n", " # d\n"])
        text += (key.hasPrefix("k") ? key : quoted(key)) + one(of: ["=", ":", " = "]) + valueText + end
        _ = object.add(value, for: key)
      }
      return (text + blank() + "}", .object(object))
    }
  }

  private mutating func string() -> String {
    let pieces = ["a", " ", "\"", "\\", "\n", "\r", "\t", "{{", "}}", "$", "%", "#", "//", "é", "🦞", "EOT", "\u{301}"]
    // A space keeps '$' apart from '{', which would be a template in a heredoc.
    return (0..<Int.random(in: 0..<8, using: &random)).map { _ in one(of: pieces) }.joined(separator: " ")
  }

  private mutating func quoted(_ string: String) -> String {
    let scalars = string.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\n": return "\\n"
      case "\r": return "\\r"
      case "\"", "\\": return "\\\(scalar)"
      case "é": return one(of: ["é", "\\u00e9", "\\U000000E9"])
      default: return String(scalar)
      }
    }
    return "\"\(scalars.joined())\""
  }

  private mutating func blank() -> String { one(of: ["", " ", "\t", " /* \" */ "]) }

  private mutating func one<Choice>(of choices: [Choice]) -> Choice {
    choices[Int.random(in: 0..<choices.count, using: &random)]
  }
}
