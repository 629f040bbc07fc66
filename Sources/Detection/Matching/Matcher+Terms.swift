/// Terms that are made from others.
extension Matcher {
  func combine(_ term: CompiledTerm) -> FieldValue {
    switch term {
    case .field: return .absent
    case .literal(let bytes): return arena.string(bytes)
    case .transformed(let slot, let transformer, let isList):
      return transform(value(of: slot), transformer, isList: isList)
    case .list(let slots, let formats): return list(slots, formats)
    case .concat(let slots):
      let parts = slots.map(single)
      guard !parts.contains(where: \.isAbsent) else { return .absent }
      arena.begin()
      for part in parts { arena.append(part) }
      return arena.endString()
    case .join(let separator, let list):
      let (separator, items) = (single(separator), value(of: list))
      guard !separator.isAbsent, !items.isAbsent else { return .absent }
      let elements = elements(of: items)
      arena.begin()
      for (index, element) in elements.enumerated() {
        if index > 0 { arena.append(separator) }
        arena.append(element)
      }
      return arena.endString()
    case .getopt(let arguments, let options, let selector):
      let (list, letters) = (value(of: arguments), single(options))
      guard !list.isAbsent, !letters.isAbsent else { return .absent }
      let scan = OptionScan(Array(arena.bytes(of: letters)))
      return result(scan.results(words(of: list), selector: selector), selector)
    }
  }

  /// The value of a term as one text also where checks take it for several, as `proc.aname`: with blanks between, as
  /// Falco has it; absent when there is nothing in it.
  func single(_ slot: Int) -> FieldValue {
    let value = value(of: slot)
    guard value.kind == .list, !rules.formats[slot].isList else { return value }
    let elements = elements(of: value)
    arena.begin()
    for element in elements {
      if !arena.current.isEmpty { arena.append(byte: UInt8(ascii: " ")) }
      arena.append(element)
    }
    return arena.current.isEmpty ? .absent : arena.endString()
  }

  private func result(_ words: [[UInt8]], _ selector: UInt8?) -> FieldValue {
    if selector != nil { return words.last.map { arena.string($0) } ?? .absent }
    arena.begin()
    for word in words {
      arena.append(word)
      arena.endElement()
    }
    return arena.endList()
  }

  /// The elements of a list; a string is a list of one.
  func elements(of value: FieldValue) -> [FieldValue] {
    guard value.kind == .list else { return value.kind == .bytes ? [value] : [] }
    var elements: [FieldValue] = []
    var offset = value.first
    for (index, byte) in arena.bytes(of: value).enumerated() where byte == 0 {
      let end = value.first + UInt64(index)
      elements.append(FieldValue(.bytes, offset, end - offset))
      offset = end + 1
    }
    return elements
  }

  func words(of value: FieldValue) -> [[UInt8]] { elements(of: value).map { Array(arena.bytes(of: $0)) } }

  private func list(_ slots: [Int], _ formats: [ValueFormat]) -> FieldValue {
    let parts = slots.map(single)
    guard !parts.contains(where: \.isAbsent) else { return .absent }
    // Numbers become text, which is made before the list is begun.
    let texts = zip(parts, formats).map { part, format in
      part.kind == .bytes || part.kind == .list ? nil : text(of: part, format)
    }
    arena.begin()
    for (part, text) in zip(parts, texts) {
      if let text {
        arena.append(text)
        arena.endElement()
      } else {
        arena.append(part)
        if part.kind == .bytes { arena.endElement() }
      }
    }
    return arena.endList()
  }

  private func transform(_ value: FieldValue, _ transformer: Transformer, isList: Bool) -> FieldValue {
    if value.isAbsent { return .absent }
    if transformer == .len {
      return .number(UInt64(value.kind == .list ? UInt64(elements(of: value).count) : value.second))
    }
    guard value.kind == .list else {
      return value.kind == .bytes ? transform(value, transformer) ?? .absent : .absent
    }
    let parts = elements(of: value).map { transform($0, transformer) }
    guard !parts.contains(where: { $0 == nil }) else { return .absent }
    arena.begin()
    for case let part? in parts {
      arena.append(part)
      arena.endElement()
    }
    return arena.endList()
  }

  private func transform(_ value: FieldValue, _ transformer: Transformer) -> FieldValue? {
    arena.begin()
    switch transformer {
    case .tolower, .toupper:
      arena.append(value)
      let bytes = arena.current
      for index in bytes.indices {
        bytes[index] = transformer == .tolower ? lowercased(bytes[index]) : uppercased(bytes[index])
      }
    case .basename:
      let bytes = arena.bytes(of: value)
      let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
      return FieldValue(.bytes, value.first + UInt64(start), value.second - UInt64(start))
    case .b64:
      arena.append(value)
      guard let count = decodeBase64(arena.current) else { return nil }
      arena.truncate(to: count)
    case .len:
      break
    }
    return arena.endString()
  }

  /// Decodes in place (RFC 4648 section 4), with padding or without; NULs at the end do not count.
  ///
  /// What Falco refuses is refused: more than two `=`, or any elsewhere than at the end, and bits behind the last byte
  /// that are not 0. Whether it is the right number of `=` is not asked.
  ///
  /// - Returns: how many bytes it gives; `nil` when it is no such text.
  private func decodeBase64(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
    var length = bytes.count
    while length > 0, bytes[length - 1] == 0 { length -= 1 }
    if length == 0 { return 0 }
    for _ in 0..<2 where length > 0 && bytes[length - 1] == UInt8(ascii: "=") { length -= 1 }
    guard length > 0, length % 4 != 1 else { return nil }
    var (bits, bitCount, count) = (UInt32(0), 0, 0)
    for index in 0..<length {
      let byte = bytes[index]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0") + 52
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      default: return nil
      }
      bits = bits << 6 | UInt32(digit)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        // What is written lies before what is still to be read.
        bytes[count] = UInt8(truncatingIfNeeded: bits >> UInt32(bitCount))
        count += 1
      }
    }
    return bits & (1 << UInt32(bitCount) - 1) == 0 ? count : nil
  }
}
