/// One request of HTTP/2 in plain text by a client that knows beforehand that the server takes it (RFC 9113 §3.3).
enum PlainHTTP2 {
  static func request(host: String, path: String, fields: [(String, String)] = [], body: [UInt8]? = nil) -> [UInt8] {
    // RFC 7541: indexed ":scheme http", then literals without Huffman coding, short enough for one byte of length.
    let method: [UInt8] = [body == nil ? 0x82 : 0x83]
    var block = method + [0x86, 0x44] + text(path) + [0x41] + text(host)
    for (name, value) in fields { block += [0] + text(name) + text(value) }
    var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, stream: 0, [])
    bytes += frame(1, body == nil ? 5 : 4, stream: 1, block)
    if let body { bytes += frame(0, 1, stream: 1, body) }
    return bytes
  }

  /// Whether the answer's first headers say 200.
  static func isSuccess(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while rest.count >= 9 {
      let head = Array(rest.prefix(9))
      let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      let payload = rest.dropFirst(9).prefix(length)
      // A change of the table's size may come first.
      if head[3] == 1 { return payload.drop { $0 & 0xe0 == 0x20 }.first == 0x88 }
      rest = rest.dropFirst(9 + length)
    }
    return false
  }

  private static func text(_ text: String) -> [UInt8] { [UInt8(min(text.utf8.count, 126))] + text.utf8.prefix(126) }

  private static func frame(_ type: UInt8, _ flags: UInt8, stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xff), type, flags, 0, 0, 0, stream] + payload
  }
}
