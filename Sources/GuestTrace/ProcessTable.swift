/// The processes of one sandbox.
struct ProcessTable {
  /// A sandbox's limit of processes is below it; more can only be a lie.
  static let mostProcesses = 8_192

  /// Operators' programs that are awaited at once; and for how long, in nanoseconds.
  private static let mostExpected = 64
  private static let longestWait: UInt64 = 30_000_000_000

  private var processes: [UInt64: GuestProcess] = [:]
  private var expected: [GuestProcess] = []
  /// Whether processes had to be forgotten.
  private(set) var hasOverflowed = false

  var count: Int { processes.count }

  subscript(id: UInt64) -> GuestProcess? { processes[id] }

  /// The process of an event; made up from the event when its beginning was not seen.
  mutating func process(of context: TraceMessage.Context) -> GuestProcess {
    if let known = processes[context.process],
      known.start == 0 || context.processStart == 0 || known.start == context.processStart
    {
      return known
    }
    if let process = takeExpected(context) { return process }
    let process = GuestProcess(id: context.process, start: context.processStart, parent: nil)
    process.name = Array(context.name.prefix(GuestProcess.longestName))
    process.executable = process.name
    process.sessionName = process.name
    // There is nothing older to tell its first event with.
    process.learn(context)
    insert(process)
    return process
  }

  /// A program will turn up whose beginning is not told.
  mutating func expect(_ process: GuestProcess) {
    if expected.count >= Self.mostExpected { expected.removeFirst() }
    expected.append(process)
  }

  /// What is awaited, if it is what turned up: an agent's own processes are known from their parents' clone.
  private mutating func takeExpected(_ context: TraceMessage.Context) -> GuestProcess? {
    guard !expected.isEmpty else { return nil }
    expected.removeAll { context.time > $0.start + Self.longestWait }
    // The kernel keeps 15 bytes of a name.
    guard let place = expected.firstIndex(where: { $0.name.prefix(15).elementsEqual(context.name.prefix(15)) }) else {
      return nil
    }
    let process = GuestProcess(id: context.process, start: context.processStart, expected.remove(at: place))
    // Who it is was known before; where it is was not.
    process.cwd = Array(context.cwd)
    insert(process)
    return process
  }

  mutating func insert(_ process: GuestProcess) {
    if processes.count >= Self.mostProcesses, processes[process.id] == nil {
      processes.removeAll(keepingCapacity: true)
      hasOverflowed = true
    }
    processes[process.id] = process
  }

  mutating func remove(_ id: UInt64) { processes[id] = nil }
}
