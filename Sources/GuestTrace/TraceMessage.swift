/// A message of gVisor's remote sink (pkg/sentry/seccheck/sinks/remote), as far as it is understood.
///
/// Its bytes lie in the buffer that it was read from.
package struct TraceMessage {
  /// The greatest message that a socket of this machine takes, and more (net.core.wmem_max).
  package static let longest = 1 << 20

  /// wire.MessageType of gVisor.
  enum Kind: UInt16 {
    case containerStart = 1
    case sentryClone = 2
    case sentryExec = 3
    case exitNotifyParent = 4
    case taskExit = 5
    case raw = 6
    case open = 7
    case close = 8
    case read = 9
    case connect = 10
    case execve = 11
    case socket = 12
    case chdir = 13
    case setID = 14
    case setResolvedIDs = 15
    case prlimit = 16
    case pipe = 17
    case fcntl = 18
    case dup = 19
    case chroot = 21
    case clone = 23
    case bind = 24
    case accept = 25
    case fork = 29
    case socketPair = 33
    case write = 34
  }

  enum Refusal: Hashable, Error {
    case tooShort
    /// The header says more than the message has.
    case badHeader
    case malformed
  }

  /// The context of the event.
  struct Context {
    var time: UInt64 = 0
    var thread: UInt64 = 0
    var threadStart: UInt64 = 0
    var process: UInt64 = 0
    var processStart: UInt64 = 0
    var container = UnsafeRawBufferPointer(start: nil, count: 0)
    var cwd = UnsafeRawBufferPointer(start: nil, count: 0)
    var name = UnsafeRawBufferPointer(start: nil, count: 0)
    var realUser: UInt64 = 0
    var effectiveUser: UInt64 = 0
    var savedUser: UInt64 = 0
    var effectiveGroup: UInt64 = 0
    var hasCredentials = false
  }

  let kind: Kind
  /// How many messages the sandbox could not deliver before this one, altogether; wraps.
  let dropped: UInt32
  let payload: UnsafeRawBufferPointer
  var context = Context()

  /// How many messages were lost, of any message that has a header.
  static func droppedCount(_ message: UnsafeRawBufferPointer) -> UInt32? {
    message.count >= 8 ? message.loadUnaligned(fromByteOffset: 4, as: UInt32.self) : nil
  }

  /// The container of which a message says that it starts; `nil` for all other messages.
  package static func startedContainer(_ message: UnsafeRawBufferPointer) -> String? {
    guard message.count >= 8, message.loadUnaligned(fromByteOffset: 2, as: UInt16.self) == Kind.containerStart.rawValue
    else { return nil }
    // What is malformed is told where the message is read for its event.
    guard let decoded = try? TraceMessage(message) else { return nil }
    var reader = WireReader(decoded.payload)
    while let (field, value) = reader.next() {
      if field == 2, case .bytes(let id) = value, (1...longestID).contains(id.count) {
        return String(decoding: id, as: UTF8.self)
      }
    }
    return nil
  }

  /// Bytes of a container's id; runtimes of clusters have 64.
  private static let longestID = 256

  /// - Returns: `nil` for a kind that this version does not know.
  init?(_ message: UnsafeRawBufferPointer) throws(Refusal) {
    guard message.count >= 8 else { throw .tooShort }
    let headerSize = Int(message.loadUnaligned(fromByteOffset: 0, as: UInt16.self))
    guard headerSize >= 8, headerSize <= message.count else { throw .badHeader }
    guard let kind = Kind(rawValue: message.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) else { return nil }
    self.kind = kind
    dropped = message.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    payload = UnsafeRawBufferPointer(rebasing: message[headerSize...])
    var reader = WireReader(payload)
    while let (field, value) = reader.next() {
      if field == 1, case .bytes(let bytes) = value {
        try readContext(bytes)
        break
      }
    }
    guard !reader.isMalformed else { throw .malformed }
  }

  private mutating func readContext(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
    var reader = WireReader(bytes)
    while let (field, value) = reader.next() {
      switch (field, value) {
      case (1, .number(let number)): context.time = number
      case (2, .number(let number)): context.thread = number
      case (3, .number(let number)): context.threadStart = number
      case (4, .number(let number)): context.process = number
      case (5, .number(let number)): context.processStart = number
      case (6, .bytes(let bytes)): context.container = bytes
      case (7, .bytes(let bytes)): try readCredentials(bytes)
      case (8, .bytes(let bytes)): context.cwd = bytes
      case (9, .bytes(let bytes)): context.name = bytes
      default: break
      }
    }
    guard !reader.isMalformed else { throw .malformed }
  }

  private mutating func readCredentials(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
    context.hasCredentials = true
    var reader = WireReader(bytes)
    while let (field, value) = reader.next() {
      guard case .number(let number) = value else { continue }
      switch field {
      case 1: context.realUser = number
      case 2: context.effectiveUser = number
      case 3: context.savedUser = number
      case 5: context.effectiveGroup = number
      default: break
      }
    }
    guard !reader.isMalformed else { throw .malformed }
  }
}
