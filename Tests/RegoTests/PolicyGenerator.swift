import SeededRandom

/// Writes policies in Rego of version 1 that mean something: names are declared before they are used, and functions get
/// arguments of the types that OPA's type checker wants, mostly.
struct PolicyGenerator {
  private enum Kind: CaseIterable { case number, text, list, object, set, any }

  private var random: SplitMix64
  private var names: [(name: String, kind: Kind)] = []
  private var count = 0
  private var depth = 0

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// A module whose rule `r` is the answer.
  mutating func policy() -> String {
    var rules = [
      "package t", "f(x) := \(one("x + 1", "[x]", "{\"x\": x}")) if \(one("is_number(x)", "x != null", "not x == 3"))",
    ]
    rules.append("f(x) := \(one("\"other\"", "0", "[]")) if \(one("is_string(x)", "x == null", "is_array(x)"))")
    rules.append("g(x, y) := \(one("[x, y]", "x == y", "{x, y}")) if x != y else := \(one("x", "1", "\"same\""))")
    rules.append("p contains \(headed())")
    rules.append("q[k] := v if { some k, v in input.o; \(statements(["k": .text, "v": .any], 1)) }")
    if chance(2) { rules.append("default d := \(one("false", "3", "\"none\"", "[]"))") }
    rules.append("d := \(headed())")
    rules.append(
      "r := {\"p\": p, \"q\": q, \"d\": [x | x := d]} if \(one("true", "not input.zz", "count(input.l) > 0"))")
    return rules.joined(separator: "\n") + "\n"
  }

  /// An object with the fields that policies ask for.
  mutating func input() -> String {
    let scalars = ["1", "2", "3", "0", "-1", "2.5", "\"a\"", "\"b\"", "\"ab\"", "null", "true", "false"]
    func list(_ random: inout SplitMix64) -> String {
      let values = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        scalars[Int.random(in: 0..<scalars.count, using: &random)]
      }
      return "[\(values.joined(separator: ","))]"
    }
    let numbers = (0..<Int.random(in: 1...4, using: &random)).map { _ in "\(Int.random(in: -2...4, using: &random))" }
    let texts = (0..<Int.random(in: 1...3, using: &random)).map { _ in "\"\(one("a", "b", "ab", "a,b", ""))\"" }
    let object = ["a", "b", "c"].filter { _ in Bool.random(using: &random) }.map { "\"\($0)\": \(one(scalars))" }
    return
      "{\"l\": \(list(&random)), \"n\": [\(numbers.joined(separator: ","))], \"t\": [\(texts.joined(separator: ","))], "
      + "\"o\": {\(object.joined(separator: ","))}, \"x\": \(one(scalars)), \"m\": {\"k\": \(list(&random))}}"
  }

  // MARK: Bodies

  private mutating func headed() -> String {
    let before = names
    defer { names = before }
    let body = statements([:], Int.random(in: 1...3, using: &random))
    return "\(term(.any)) if { \(body) }"
  }

  private mutating func statements(_ own: [String: Kind], _ most: Int) -> String {
    for (name, kind) in own.sorted(by: { $0.key < $1.key }) { names.append((name, kind)) }
    return (0..<most).map { _ in statement() }.joined(separator: "; ")
  }

  private mutating func statement() -> String {
    depth += 1
    defer { depth -= 1 }
    switch Int.random(in: 0..<(depth > 2 ? 5 : 10), using: &random) {
    case 0: return "\(term(.number)) \(one("==", "!=", "<", ">=")) \(term(.number))"
    case 1: return "\(term(.any)) \(one("==", "!=")) \(term(.any))"
    case 2: return "\(term(.any)) in \(term(.list))"
    case 3, 4:
      let kind = Kind.allCases[Int.random(in: 0..<Kind.allCases.count, using: &random)]
      let value = term(kind)
      return "\(declare(kind)) := \(value)"
    case 5:
      let source = one("input.l", "input.n", "input.t", "input.m.k")
      let collection = chance(2) ? source : term(.list)
      return "some \(declare(.any)) in \(collection)"
    case 6:
      let (key, value) = (fresh(), fresh())
      let text = "some \(key), \(value) in input.\(one("o", "l", "t"))"
      names += [(key, .any), (value, .any)]
      return text
    case 7:
      let before = names
      let inner = statement()
      names = before
      return inner.hasPrefix("some ") || inner.contains(":=") && !inner.contains("{") || inner.hasPrefix("every ")
        || inner.hasPrefix("not ") ? "true" : "not \(inner)"
    case 8:
      let before = names
      let name = fresh()
      let collection = one("input.l", "input.n", "input.t")
      names.append((name, .any))
      let inner = statement()
      names = before
      return "every \(name) in \(collection) { \(inner) }"
    default: return "\(declare(.any)) := input.\(one("l", "n", "t", "o"))[\(one("_", "_", fresh()))]"
    }
  }

  private mutating func declare(_ kind: Kind) -> String {
    let name = fresh()
    names.append((name, kind))
    return name
  }

  private mutating func fresh() -> String {
    count += 1
    return "v\(count)"
  }

  // MARK: Terms

  private mutating func term(_ kind: Kind) -> String {
    depth += 1
    defer { depth -= 1 }
    let known = names.filter { $0.kind == kind || kind == .any }
    if !known.isEmpty, chance(2) { return known[Int.random(in: 0..<known.count, using: &random)].name }
    if depth > 4 { return leaf(kind) }
    switch kind {
    case .number:
      switch Int.random(in: 0..<6, using: &random) {
      case 0: return "(\(term(.number)) \(one("+", "-", "*")) \(term(.number)))"
      case 1: return "count(\(term(one2(.list, .set))))"
      case 2: return "sum(input.n)"
      case 3: return "\(one("max", "min", "product"))(input.n)"
      case 4: return "abs(\(term(.number)))"
      default: return leaf(kind)
      }
    case .text:
      switch Int.random(in: 0..<7, using: &random) {
      case 0: return "\(one("upper", "lower", "trim_space"))(\(term(.text)))"
      case 1: return "concat(\"\(one("-", ",", ""))\", input.t)"
      case 2: return "sprintf(\"\(one("%v", "<%v>", "%v!"))\", [\(term(.any))])"
      case 3: return "replace(\(term(.text)), \"a\", \(term(.text)))"
      case 4: return "substring(\(term(.text)), 0, \(one("1", "2", "-1")))"
      default: return leaf(kind)
      }
    case .list:
      switch Int.random(in: 0..<7, using: &random) {
      case 0: return "[\(term(.any)), \(term(.any))]"
      case 1: return "array.concat(\(term(.list)), \(term(.list)))"
      case 2: return "[\(comprehension())]"
      case 3: return "sort(\(term(one2(.list, .set))))"
      case 4: return "split(\(term(.text)), \",\")"
      case 5: return "array.slice(\(term(.list)), \(one("0", "1")), \(one("1", "2", "9")))"
      default: return leaf(kind)
      }
    case .set:
      switch Int.random(in: 0..<4, using: &random) {
      case 0: return "{\(term(.any)), \(term(.any))}"
      case 1: return "(\(term(.set)) \(one("|", "&", "-")) \(term(.set)))"
      default: return "{\(comprehension())}"
      }
    case .object:
      switch Int.random(in: 0..<4, using: &random) {
      case 0: return "{\"\(one("a", "b"))\": \(term(.any)), \"c\": \(term(.any))}"
      case 1: return "object.union(\(term(.object)), \(term(.object)))"
      case 2: return "object.remove(\(term(.object)), [\"\(one("a", "b"))\"])"
      default: return leaf(kind)
      }
    case .any:
      switch Int.random(in: 0..<8, using: &random) {
      case 0: return "f(\(term(.any)))"
      case 1: return "g(\(term(.any)), \(term(.any)))"
      case 2: return "object.get(\(term(.object)), \"\(one("a", "b", "z"))\", \(term(.any)))"
      case 3: return "input.o.\(one("a", "b", "c"))"
      default: return term(Kind.allCases[Int.random(in: 0..<5, using: &random)])
      }
    }
  }

  private mutating func comprehension() -> String {
    let before = names
    defer { names = before }
    let body = "some \(declare(.any)) in \(one("input.l", "input.n", "input.t", "input.o")); \(statement())"
    return "\(term(.any)) | \(body)"
  }

  private mutating func leaf(_ kind: Kind) -> String {
    switch kind {
    case .number: one("0", "1", "2", "3", "1.5", "input.n[0]")
    case .text: one("\"a\"", "\"b\"", "\"ab\"", "\"\"", "input.t[0]")
    case .list: one("input.l", "input.n", "input.t", "[]", "[1, \"a\"]")
    case .object: one("input.o", "{}", "{\"a\": 1}", "input.m")
    case .set: one("{1, 2}", "set()", "{\"a\"}")
    case .any: one("1", "\"a\"", "null", "true", "input.x", "input.o")
    }
  }

  // MARK: Choices

  private mutating func one(_ choices: String...) -> String { one(choices) }

  private mutating func one(_ choices: [String]) -> String {
    choices[Int.random(in: 0..<choices.count, using: &random)]
  }

  private mutating func one2(_ first: Kind, _ second: Kind) -> Kind { Bool.random(using: &random) ? first : second }

  private mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }
}
