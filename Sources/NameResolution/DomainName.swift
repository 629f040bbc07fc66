/// A name as it stands in a message (RFC 1035 §3.1): labels in lower case, each behind its length, then a zero.
///
/// Only in this form does a dot within a label differ from a dot between two: as text, `a.b` could be either.
struct DomainName: Hashable, Sendable {
  /// Longest name in bytes, with all its lengths (RFC 1035 §2.3.4).
  static let longest = 255
  private static let longestLabel = 63

  let bytes: ArraySlice<UInt8>

  /// Reads a name from the front. A compressed one is refused: nothing stands before a question that it could point to.
  init?(_ message: ArraySlice<UInt8>) {
    var end = message.startIndex
    while end < message.endIndex {
      let length = Int(message[end])
      // A length of 64 and more is a pointer, or a kind of label that was never put to use.
      guard length <= Self.longestLabel else { return nil }
      end += 1 + length
      guard end <= message.endIndex, end - message.startIndex <= Self.longest else { return nil }
      guard length > 0 else {
        bytes = ArraySlice(message[..<end].map(Self.lowercased))
        return
      }
    }
    return nil
  }

  /// - Parameter text: a valid name without a final dot, in lower case.
  init(text: some StringProtocol) {
    var bytes: [UInt8] = []
    for label in text.split(separator: ".") {
      bytes.append(UInt8(truncatingIfNeeded: label.utf8.count))
      bytes += label.utf8
    }
    self.bytes = bytes + [0]
  }

  /// Lengths stay as they are: they end below the capitals.
  private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }

  /// The labels, without the root's empty one.
  var labels: [ArraySlice<UInt8>] {
    var labels: [ArraySlice<UInt8>] = []
    var place = bytes.startIndex
    while bytes[place] > 0 {
      let next = place + 1 + Int(bytes[place])
      labels.append(bytes[(place + 1)..<next])
      place = next
    }
    return labels
  }

  /// The name for people (RFC 1035 §5.1): bytes that are no letter, digit, hyphen or underscore are escaped, and a
  /// text that the escapes make longer than a plain name can be is cut.
  var text: String {
    var text: [UInt8] = []
    for label in labels {
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      for byte in label {
        if isHostnameByte(byte) {
          text.append(byte)
        } else {
          text.append(UInt8(ascii: "\\"))
          text += [byte / 100, byte / 10 % 10, byte % 10].map { UInt8(ascii: "0") + $0 }
        }
      }
    }
    if text.isEmpty { return "." }
    return text.count <= Self.longest
      ? String(decoding: text, as: UTF8.self) : String(decoding: text.prefix(Self.longest), as: UTF8.self) + "…"
  }
}

/// Whether a byte stands in names of hosts or services: a-z, 0-9, hyphen, underscore.
func isHostnameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x61...0x7a, 0x30...0x39, 0x2d, 0x5f: true
  default: false
  }
}
