import Detection

/// The event at hand: what its message says, and what is known of the process.
///
/// Its bytes lie in the message's buffer. There is one for all events, since to copy it for each field would take most of
/// the time.
final class GuestEvent {
  enum Shape {
    case plain
    /// open, openat, creat
    case open
    case connect
    case bind
    case accept
    case socket
    case execute
  }

  static var noBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

  private(set) var type: EventType
  var shape = Shape.plain
  var number: UInt64 = 0
  private(set) var time: UInt64 = 0
  private(set) var thread: UInt64 = 0
  private(set) var process: GuestProcess
  var user: UInt64 = 0
  var group: UInt64 = 0
  /// What the call gave, or the negative error number; `nil` when it has not ended.
  var result: Int64?
  var descriptor: Int64?
  /// As the program passed it.
  var rawPath = GuestEvent.noBytes
  var flags: UInt64 = 0
  var mode: UInt64 = 0
  var address: SocketAddress?
  /// Numbers of the call that have a name as arguments.
  var numbers = NamedNumbers()

  init() {
    type = EventType.unknown
    process = GuestProcess(id: 0, start: 0, parent: nil)
  }

  /// Makes it another event.
  func begin(_ type: EventType, _ context: TraceMessage.Context, _ process: GuestProcess) {
    self.type = type
    self.process = process
    shape = .plain
    time = context.time
    thread = context.thread
    user = context.hasCredentials ? context.effectiveUser : process.effectiveUser
    group = context.hasCredentials ? context.effectiveGroup : process.effectiveGroup
    (result, descriptor, address) = (nil, nil, nil)
    rawPath = Self.noBytes
    (flags, mode) = (0, 0)
    numbers = NamedNumbers()
  }
}
