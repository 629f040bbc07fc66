/// A name, or with `*` at either end the end or begin of one.
struct Wildcard: Sendable {
  private let text: String

  init(_ text: String) { self.text = text }

  func matches(_ name: String) -> Bool {
    let (open, close) = (text.hasPrefix("*"), text.hasSuffix("*"))
    let core = String(text.dropFirst(open ? 1 : 0).dropLast(close && text.utf8.count > 1 ? 1 : 0))
    return switch (open, close) {
    case (true, true): core.isEmpty || name.contains(core)
    case (true, false): name.hasSuffix(core)
    case (false, true): name.hasPrefix(core)
    case (false, false): name == text
    }
  }
}
