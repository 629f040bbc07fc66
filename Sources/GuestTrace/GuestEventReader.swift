import Detection

/// Turns the messages of sandboxes into events, one at a time, and follows their processes. Not thread-safe.
package final class GuestEventReader {
  /// What came of a message.
  package enum Outcome: Equatable {
    /// `source` tells of an event now, until the next message.
    case event
    /// Nothing that a rule could match.
    case nothing
    /// It is not as messages are.
    case malformed
    /// It says that it comes from another sandbox.
    case foreign
  }

  /// Arguments and environment that are kept of a process, bytes.
  private static let longestText = 64 << 10

  let event = GuestEvent()
  /// Whether `event` is one.
  private(set) var hasEvent = false
  var sandbox: SandboxEvents?
  var path: [UInt8] = []
  /// Matched fields by the rules' numbers.
  private(set) var fields: ContiguousArray<BoundField> = []
  private(set) var fieldArguments: ContiguousArray<FieldReference.Argument> = []
  let hostName: String
  private var count: UInt64 = 0

  struct BoundField {
    var field: GuestField?
    var group: GuestField.Group
  }

  package init(hostName: String) { self.hostName = hostName }

  /// Has to be called before events are matched: rules number their fields.
  package func bind(to rules: CompiledRules) {
    fields = ContiguousArray(
      rules.fields.map { reference in
        let field = GuestField(reference)
        return BoundField(field: field, group: field?.group ?? .event)
      })
    fieldArguments = ContiguousArray(rules.fields.map(\.argument))
  }

  /// - Parameters:
  ///   - message: as the socket gave it; has to stay until the event was matched.
  package func take(_ message: UnsafeRawBufferPointer, from sandbox: SandboxEvents) -> Outcome {
    hasEvent = false
    if let dropped = TraceMessage.droppedCount(message) { sandbox.dropped = dropped }
    let decoded: TraceMessage?
    do throws(TraceMessage.Refusal) {
      decoded = try TraceMessage(message)
    } catch {
      sandbox.malformed += 1
      return .malformed
    }
    guard let decoded else { return .nothing }
    guard isOwn(decoded.context.container, sandbox) else { return .foreign }
    self.sandbox = sandbox
    guard read(decoded, sandbox) else {
      sandbox.malformed += 1
      return .malformed
    }
    if sandbox.isPlatforms(decoded.context.container) { hasEvent = false }
    return hasEvent ? .event : .nothing
  }

  /// Makes an event of a program that an operator starts in the sandbox, of which gVisor says nothing. The process that
  /// turns up is taken for that program.
  package func takeCommand(_ command: [String], time: UInt64, in sandbox: SandboxEvents) -> Outcome {
    guard let process = GuestProcess(startedByOperator: command, at: time) else { return .nothing }
    self.sandbox = sandbox
    // Where processes turn up unannounced, one of the agent's could be taken for it.
    if sandbox.isWhole, sandbox.dropped == 0 { sandbox.table.expect(process) }
    var context = TraceMessage.Context()
    context.time = time
    let made = begin(.execve, context, process)
    made.shape = .execute
    made.result = 0
    return .event
  }

  private func isOwn(_ container: UnsafeRawBufferPointer, _ sandbox: SandboxEvents) -> Bool {
    // Some messages have no context.
    container.isEmpty || sandbox.owns(container)
  }

  private func begin(
    _ type: EventType, _ context: TraceMessage.Context, _ process: GuestProcess
  ) -> GuestEvent {
    count += 1
    event.begin(type, context, process)
    event.number = count
    hasEvent = true
    return event
  }

  // MARK: Messages

  /// - Returns: whether the message could be read to its end.
  private func read(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    switch message.kind {
    case .containerStart: return readStart(message, sandbox)
    case .sentryClone: return readClone(message, sandbox)
    case .sentryExec: return readExec(message, sandbox)
    case .taskExit: return readExit(message, sandbox)
    case .raw: return readRaw(message, sandbox)
    case .open, .connect, .bind, .accept, .execve, .socket, .chdir, .setID, .setResolvedIDs, .dup, .chroot, .close:
      return readCall(message, sandbox)
    case .exitNotifyParent, .read, .prlimit, .pipe, .fcntl, .clone, .fork, .socketPair, .write:
      return true
    }
  }

  private func readStart(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    let process = GuestProcess(id: message.context.process, start: message.context.processStart, parent: nil)
    var words = WordList(limit: Self.longestText)
    var environment = WordList(limit: Self.longestText)
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      switch (field, value) {
      case (3, .bytes(let cwd)): process.cwd = Array(cwd)
      case (4, .bytes(let word)): words.append(word)
      case (5, .bytes(let word)): environment.append(word)
      case (6, .number(let number)): process.hasTerminal = number != 0
      default: break
      }
    }
    guard !reader.isMalformed else { return false }
    process.setCommandLine(words.words, count: words.count)
    process.path = process.executable
    process.name = message.context.name.isEmpty ? GuestPath.baseName(process.path) : Array(message.context.name)
    process.sessionName = process.name
    process.environment = environment.words
    process.learn(message.context)
    sandbox.table.insert(process)
    let made = begin(.execve, message.context, process)
    made.shape = .execute
    made.result = 0
    return true
  }

  private func readClone(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    var (group, start, flags) = (UInt64(0), UInt64(0), UInt64(0))
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      guard case .number(let number) = value else { continue }
      switch field {
      case 4: group = number
      case 5: start = number
      case 6: flags = number
      default: break
      }
    }
    guard !reader.isMalformed else { return false }
    let parent = process(of: message.context, sandbox)
    if group != 0, group != message.context.process {
      sandbox.table.insert(GuestProcess(id: group, start: start, parent: parent))
    }
    let made = begin(.clone, message.context, parent)
    made.result = Int64(truncatingIfNeeded: group)
    made.numbers = NamedNumbers(("flags", Int64(truncatingIfNeeded: flags)))
    return true
  }

  private func readExec(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    let process = process(of: message.context, sandbox)
    var words = WordList(limit: Self.longestText)
    var environment = WordList(limit: Self.longestText)
    var binary = GuestEvent.noBytes
    var mode: UInt64 = 0
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      switch (field, value) {
      case (2, .bytes(let path)): binary = path
      case (3, .bytes(let word)): words.append(word)
      case (4, .bytes(let word)): environment.append(word)
      case (5, .number(let number)): mode = number
      default: break
      }
    }
    guard !reader.isMalformed else { return false }
    // What it was started as before, for the events of its children.
    process.path = Array(binary)
    process.setCommandLine(words.words, count: words.count)
    process.name = ProgramName.of(binary: process.path, called: process.executable)
    process.environment = environment.words
    process.isFromMemory = process.path.starts(with: "/memfd:".utf8) || process.path.starts(with: "memfd:".utf8)
    let made = begin(.execve, message.context, process)
    made.shape = .execute
    made.result = 0
    made.rawPath = binary
    // Set-user-ID and set-group-ID bits of the program.
    if mode & 0o6000 != 0 { made.numbers = NamedNumbers(("mode", Int64(truncatingIfNeeded: mode))) }
    process.learn(message.context, keepingName: true)
    return true
  }

  private func readExit(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    var status: UInt64 = 0
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      if field == 2, case .number(let number) = value { status = number }
    }
    guard !reader.isMalformed else { return false }
    // A thread that ends leaves its process.
    guard message.context.thread == message.context.process else { return true }
    let process = process(of: message.context, sandbox)
    sandbox.table.remove(message.context.process)
    let made = begin(.procexit, message.context, process)
    made.numbers = NamedNumbers(
      ("status", Int64(truncatingIfNeeded: status)), ("ret", Int64(status >> 8 & 0xff)), ("sig", Int64(status & 0x7f)))
    return true
  }

  private func readRaw(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    var (number, arguments, result) = (UInt64(0), CallNumbers(), CallResult())
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      switch (field, value) {
      case (2, .bytes(let bytes)): result.read(bytes)
      case (4, .number(let value)): number = value
      case (5...10, .number(let value)): arguments[Int(field) - 5] = Int64(bitPattern: value)
      default: break
      }
    }
    guard !reader.isMalformed, !result.isMalformed else { return false }
    // A number of 0, which is read(2), is left out of messages.
    guard let type = SystemCall.type(number) else { return true }
    let made = begin(type, message.context, process(of: message.context, sandbox))
    made.result = result.value
    made.numbers = RawArguments.named(number, arguments)
    return true
  }

  private func readCall(_ message: TraceMessage, _ sandbox: SandboxEvents) -> Bool {
    var call = CallFields()
    guard call.read(message) else { return false }
    let process = sandbox.table.process(of: message.context)
    // Once a call has ended, the context has the new ids: rules ask for the ones before.
    let (user, group) = (process.effectiveUser, process.effectiveGroup)
    process.learn(message.context)
    guard let type = SystemCall.type(call.number) else { return true }
    if message.kind == .execve { return readFailedExec(message, call, type, process) }
    let made = begin(type, message.context, process)
    if message.kind == .setID || message.kind == .setResolvedIDs { (made.user, made.group) = (user, group) }
    made.result = call.result.value
    call.complete(made, message.kind, process, into: &path)
    return true
  }

  /// A program that could not be started, told as if it had been, with the error: what was tried is what matters. One
  /// that was started is told by another message, with more of it.
  private func readFailedExec(
    _ message: TraceMessage, _ call: CallFields, _ type: EventType, _ parent: GuestProcess
  ) -> Bool {
    guard let result = call.result.value, result < 0 else { return true }
    var words = WordList(limit: Self.longestText)
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      if field == 7, case .bytes(let word) = value { words.append(word) }
    }
    guard !reader.isMalformed else { return false }
    let tried = GuestProcess(id: parent.id, start: parent.start, parent: parent)
    parent.cwd.withUnsafeBytes { GuestPath.resolve(call.text, in: $0, into: &path) }
    tried.path = path
    tried.setCommandLine(words.words, count: words.count)
    tried.name = ProgramName.of(binary: path, called: tried.executable)
    tried.isFromMemory = false
    let made = begin(type, message.context, tried)
    made.shape = .execute
    made.result = result
    made.rawPath = call.text
    return true
  }

  // MARK: Processes

  private func process(of context: TraceMessage.Context, _ sandbox: SandboxEvents) -> GuestProcess {
    let process = sandbox.table.process(of: context)
    process.learn(context)
    return process
  }
}

/// Words of a command line, in bounded room.
private struct WordList {
  private(set) var words: [[UInt8]] = []
  /// Of all words, also those that had no room.
  private(set) var count = 0
  private var room: Int

  init(limit: Int) { room = limit }

  mutating func append(_ word: UnsafeRawBufferPointer) {
    count += 1
    guard room > 0 else { return }
    let taken = word.prefix(room)
    room -= taken.count + 1
    words.append(Array(taken))
  }
}
