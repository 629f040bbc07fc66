/// The name of an event, as `evt.type` tells it: a system call, mostly.
package struct EventType: Hashable, Sendable, CustomStringConvertible {
  /// Its place in `names`.
  package let index: Int

  package static let names: [String] = recorded.map(\.name) + plain

  /// - Returns: `nil` for a name that Falco does not know.
  package init?(_ name: String) {
    guard let index = Self.indices[name] else { return nil }
    self.index = index
  }

  init(index: Int) { self.index = index }

  package var description: String { Self.names[index] }

  /// Falco's name for a call that it does not know.
  package static let unknown = EventType("unknown") ?? EventType(index: 0)

  package static let all = names.indices.map(EventType.init(index:))

  private static let indices = Dictionary(
    names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

  private static let recorded: [(name: String, codes: Int)] = recordedEventsText.split { $0 == " " || $0 == "\n" }
    .compactMap { word in
      let parts = word.split(separator: ":")
      guard parts.count == 2, let codes = Int(parts[1]) else { return nil }
      return (String(parts[0]), codes)
    }

  private static let plain = plainSystemCallsText.split { $0 == " " || $0 == "\n" }.map(String.init)

  /// How many of Falco's event codes the types have together: those known by name alone share two.
  static func codeCount(_ types: EventTypeSet) -> Int {
    var count = 0
    var hasPlain = false
    for type in types {
      if type.index < recorded.count {
        count += recorded[type.index].codes
      } else {
        hasPlain = true
      }
    }
    return count + (hasPlain ? 2 : 0)
  }
}

/// A set of event types.
package struct EventTypeSet: Hashable, Sendable, Sequence {
  private var words: [UInt64]

  private static let wordCount = (EventType.names.count + 63) / 64

  static let none = EventTypeSet(words: [UInt64](repeating: 0, count: wordCount))
  static let all = EventTypeSet(EventType.all)

  private init(words: [UInt64]) { self.words = words }

  init(_ types: some Sequence<EventType>) {
    self = .none
    for type in types { words[type.index / 64] |= 1 << UInt64(type.index % 64) }
  }

  package func contains(_ type: EventType) -> Bool { words[type.index / 64] & 1 << UInt64(type.index % 64) != 0 }

  func union(_ other: EventTypeSet) -> EventTypeSet { EventTypeSet(words: zip(words, other.words).map { $0 | $1 }) }

  func intersection(_ other: EventTypeSet) -> EventTypeSet {
    EventTypeSet(words: zip(words, other.words).map { $0 & $1 })
  }

  var complement: EventTypeSet { EventTypeSet(words: zip(words, Self.all.words).map { ~$0 & $1 }) }

  package func makeIterator() -> some IteratorProtocol<EventType> {
    EventType.all.lazy.filter(contains).makeIterator()
  }
}
