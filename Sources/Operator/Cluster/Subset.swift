import JSONValues

extension JSON {
  /// Whether everything that `wanted` says is so here. What the API server adds, as defaults, is of no account; lists are
  /// compared item by item, because their order is part of what they say.
  func says(_ wanted: JSON) -> Bool {
    switch (wanted, self) {
    case (.object(let wanted), .object(let have)):
      // The API server leaves out what is empty.
      wanted.allSatisfy { key, value in have[key]?.says(value) ?? value.isEmpty }
    case (.array(let wanted), .array(let have)):
      wanted.count == have.count && zip(have, wanted).allSatisfy { $0.says($1) }
    default: self == wanted
    }
  }

  /// Whether it says what is wanted and nothing else.
  func saysOnly(_ wanted: JSON) -> Bool { says(wanted) && wanted.says(self) }

  private var isEmpty: Bool {
    switch self {
    case .null: true
    case .string(let text): text.isEmpty
    case .array(let items): items.isEmpty
    case .object(let members): members.values.allSatisfy(\.isEmpty)
    default: false
    }
  }
}
