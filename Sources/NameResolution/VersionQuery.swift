/// The question of the host which table is in force, and the reading of its answer.
package struct VersionQuery: Sendable {
  private let id: UInt16
  /// The message (RFC 1035 §4.1): one question, class CH, type TXT.
  package let bytes: [UInt8]

  package init(id: UInt16) {
    self.id = id
    var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xff), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in Resolver.versionName.split(separator: ".") {
      bytes.append(UInt8(truncatingIfNeeded: label.utf8.count))
      bytes += Array(label.utf8)
    }
    bytes += [0, 0, 16, 0, 3]
    self.bytes = bytes
  }

  /// The version that the answer tells; `nil` for anything that does not answer this question.
  package func version(in answer: [UInt8]) -> String? {
    guard answer.count > bytes.count + 12, answer[0] == UInt8(id >> 8), answer[1] == UInt8(id & 0xff),
      answer[2] & 0x80 != 0, answer[3] & 0x0f == 0, answer[4] == 0, answer[5] == 1, answer[6] == 0, answer[7] >= 1,
      answer[12..<bytes.count] == bytes[12...]
    else { return nil }
    var place = bytes.count
    while place < answer.count, answer[place] != 0, answer[place] & 0xc0 == 0 { place += Int(answer[place]) + 1 }
    guard place < answer.count else { return nil }
    place += answer[place] & 0xc0 == 0xc0 ? 2 : 1
    // Type, class, time to live, length of the data, length of its first string.
    guard place + 11 <= answer.count, answer[place] == 0, answer[place + 1] == 16 else { return nil }
    let length = Int(answer[place + 10])
    guard place + 11 + length <= answer.count else { return nil }
    return String(validating: answer[(place + 11)..<(place + 11 + length)], as: UTF8.self)
  }
}
