/// Writes messages as gVisor's remote sink does (pkg/sentry/seccheck/sinks/remote).
package struct MessageBuilder {
  /// When all of them happened, nanoseconds since 1970.
  package static let time: UInt64 = 1_795_756_868_183_186_738

  package private(set) var payload: [UInt8] = []

  package init() {}

  package static func variable(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  package mutating func number(_ field: UInt64, _ value: UInt64) {
    payload += Self.variable(field << 3) + Self.variable(value)
  }

  package mutating func number(_ field: UInt64, _ value: Int64) { number(field, UInt64(bitPattern: value)) }

  package mutating func bytes(_ field: UInt64, _ value: some Collection<UInt8>) {
    payload += Self.variable(field << 3 | 2) + Self.variable(UInt64(value.count)) + value
  }

  package mutating func text(_ field: UInt64, _ value: String) { bytes(field, value.utf8) }

  package static func make(
    _ kind: UInt16, process: UInt64 = 1, thread: UInt64? = nil, name: String = "agent", cwd: String = "/workspace",
    container: String = "default.a1", user: UInt64 = 10_001, dropped: UInt32 = 0,
    _ fields: (inout MessageBuilder) -> Void
  ) -> [UInt8] {
    var context = MessageBuilder()
    context.number(1, time)
    context.number(2, thread ?? process)
    context.number(3, UInt64(1_000))
    context.number(4, process)
    context.number(5, UInt64(1_000))
    context.text(6, container)
    var credentials = MessageBuilder()
    for field in 1...6 where user != 0 { credentials.number(UInt64(field), user) }
    context.bytes(7, credentials.payload)
    context.text(8, cwd)
    context.text(9, name)
    var message = MessageBuilder()
    message.bytes(1, context.payload)
    fields(&message)
    var header: [UInt8] = [8, 0]
    withUnsafeBytes(of: kind.littleEndian) { header += $0 }
    withUnsafeBytes(of: dropped.littleEndian) { header += $0 }
    return header + message.payload
  }

  /// The end of a call: what it gave, or an error.
  package mutating func exit(_ result: Int64 = 0, error: UInt64 = 0) {
    var exit = MessageBuilder()
    if result != 0 { exit.number(1, result) }
    if error != 0 { exit.number(2, error) }
    bytes(2, exit.payload)
  }
}
