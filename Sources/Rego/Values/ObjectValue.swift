/// An object: values by keys, which may be any value. In the order of the keys.
package struct ObjectValue: Sendable {
  package struct Entry: Sendable {
    package var key: Value
    package var value: Value
  }

  package private(set) var entries: [Entry]
  /// May be too deep by what was removed.
  private(set) var extent = Extent(of: [])

  package init() { entries = [] }

  /// - Parameter entries: of equal keys the last value counts, with the first's way of writing the key.
  package init(_ entries: [(Value, Value)]) {
    self.entries = []
    self.entries.reserveCapacity(entries.count)
    if entries.count <= Self.few {
      for (key, value) in entries { put(Entry(key: key, value: value)) }
    } else {
      let sorted = entries.enumerated().sorted { left, right in
        let order = Value.order(left.element.0, right.element.0)
        return order != 0 ? order < 0 : left.offset < right.offset
      }
      for (_, (key, value)) in sorted { put(Entry(key: key, value: value)) }
    }
    for entry in self.entries { count(entry) }
  }

  /// So many are put in their places one by one.
  private static let few = 24

  private mutating func put(_ entry: Entry) {
    // Most come in order.
    guard let last = entries.last else { return entries.append(entry) }
    let order = Value.order(last.key, entry.key)
    if order < 0 { return entries.append(entry) }
    let place = order == 0 ? entries.count - 1 : place(of: entry.key)
    if entries[place].key == entry.key { entries[place].value = entry.value } else { entries.insert(entry, at: place) }
  }

  private mutating func count(_ entry: Entry) {
    extent.add(entry.key)
    extent.add(entry.value)
  }

  package var count: Int { entries.count }
  package var keys: [Value] { entries.map(\.key) }

  package subscript(_ key: Value) -> Value? {
    get {
      // Most have few keys, which are strings of different lengths.
      if entries.count <= 8 {
        for index in entries.indices where entries[index].key == key { return entries[index].value }
        return nil
      }
      let place = place(of: key)
      return place < entries.count && entries[place].key == key ? entries[place].value : nil
    }
    set {
      let place = place(of: key)
      let isThere = place < entries.count && entries[place].key == key
      if let newValue {
        if isThere {
          extent.remove(entries[place].value)
          extent.add(newValue)
          entries[place].value = newValue
        } else {
          let entry = Entry(key: key, value: newValue)
          count(entry)
          entries.insert(entry, at: place)
        }
      } else if isThere {
        let entry = entries.remove(at: place)
        extent.remove(entry.key)
        extent.remove(entry.value)
      }
    }
  }

  package subscript(_ key: String) -> Value? { self[.string(key)] }

  /// Where a key is, or would be.
  private func place(of key: Value) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if Value.order(entries[middle].key, key) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  static func order(_ left: ObjectValue, _ right: ObjectValue) -> Int {
    // First by the keys, then by the values: as OPA does.
    let count = min(left.count, right.count)
    for index in 0..<count {
      let order = Value.order(left.entries[index].key, right.entries[index].key)
      if order != 0 { return order }
      let values = Value.order(left.entries[index].value, right.entries[index].value)
      if values != 0 { return values }
    }
    return left.count - right.count
  }
}

extension ObjectValue: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (Value, Value)...) { self.init(elements) }
}
