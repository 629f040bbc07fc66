/// Replaces the names of lists in the text of conditions, before it is parsed: so Falco's language has it.
struct ListExpansion {
  /// The most bytes that a condition may grow to.
  static let longest = 1 << 20

  private struct Entry {
    var name: [UInt8]
    var replacement: [UInt8]
    /// Whether no separator stands in the name, so that it can only be a word of its own.
    var isWord: Bool
    var isUsed = false
  }

  private var entries: [Entry]
  private let places: [String: Int]

  /// - Parameter definitions: lists may hold the names of lists before them.
  init(_ definitions: RuleDefinitions) {
    var entries: [Entry] = []
    var used: Set<String> = []
    for list in definitions.lists.all {
      let visible = definitions.lists.visibleCount(for: list.name)
      var items: [String] = []
      for item in list.items {
        if let other = definitions.lists.named(item, amongFirst: visible) {
          used.insert(item)
          items += other.items
        } else {
          items.append(item)
        }
      }
      let name = Array(list.name.utf8)
      entries.append(
        Entry(
          name: name, replacement: Array(items.map(\.quotedIfNeeded).joined(separator: ", ").utf8),
          isWord: !name.contains(where: Self.isSeparator)))
    }
    places = Dictionary(
      definitions.lists.all.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.entries = entries
    for name in used { if let place = places[name] { self.entries[place].isUsed = true } }
  }

  func isUsed(_ name: String) -> Bool { places[name].map { entries[$0].isUsed } ?? false }

  /// - Throws: `RuleError` when the text grows past all bounds.
  mutating func expand(_ condition: String, _ context: LoadContext) throws(RuleError) -> String {
    var text = Array(condition.utf8)
    var words = Self.words(of: text)
    var hasChanged = false
    for index in entries.indices {
      // Most lists are not in most conditions: words tell it without a search.
      guard !entries[index].isWord || words.contains(entries[index].name[...]) else { continue }
      guard try Self.replace(entries[index], in: &text, context) else { continue }
      entries[index].isUsed = true
      words.formUnion(Self.words(of: entries[index].replacement))
      hasChanged = true
    }
    return hasChanged ? String(decoding: text, as: UTF8.self) : condition
  }

  private static func words(of text: [UInt8]) -> Set<ArraySlice<UInt8>> {
    Set(text.split(whereSeparator: isSeparator))
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

  private static func isSeparator(_ byte: UInt8) -> Bool { isBlank(byte) || "(),=".utf8.contains(byte) }

  /// - Returns: whether the name was there.
  private static func replace(
    _ entry: Entry, in text: inout [UInt8], _ context: LoadContext
  ) throws(RuleError) -> Bool {
    let comma = UInt8(ascii: ",")
    var result: [UInt8] = []
    var isFound = false
    // Everything before it is in `result`.
    var next = 0
    var search = 0
    while let found = firstIndex(of: entry.name, in: text, from: search) {
      var start = found
      var end = found + entry.name.count
      search = found + 1
      // What was put in before has a blank behind it.
      guard start == 0 || isSeparator(text[start - 1]), end == text.count || isSeparator(text[end]) else { continue }
      while end < text.count, isBlank(text[end]) { end += 1 }
      while start > next, isBlank(text[start - 1]) { start -= 1 }
      result += text[next..<start]
      while let last = result.last, isBlank(last) { result.removeLast() }
      if entry.replacement.isEmpty {
        if result.last == comma {
          result.removeLast()
        } else if end < text.count, text[end] == comma {
          end += 1
        }
      }
      if !result.isEmpty { result.append(0x20) }
      result += entry.replacement
      result.append(0x20)
      (next, isFound) = (end, true)
      search = max(search, end)
      guard result.count + text.count - next <= longest else {
        throw RuleError(
          .compileCondition, "condition has more than \(longest) bytes once its lists are put in", context)
      }
    }
    if isFound { text = result + text[next...] }
    return isFound
  }

  private static func firstIndex(of name: [UInt8], in text: [UInt8], from start: Int) -> Int? {
    guard let first = name.first, text.count >= name.count else { return nil }
    var index = start
    while index <= text.count - name.count {
      if text[index] == first, text[index..<(index + name.count)].elementsEqual(name) { return index }
      index += 1
    }
    return nil
  }
}
