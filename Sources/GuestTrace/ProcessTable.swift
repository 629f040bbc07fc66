/// The processes of one sandbox.
struct ProcessTable {
  /// A sandbox's limit of processes is below it; more can only be a lie.
  static let mostProcesses = 8_192

  private var processes: [UInt64: GuestProcess] = [:]
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
    let process = GuestProcess(id: context.process, start: context.processStart, parent: nil)
    process.name = Array(context.name)
    process.executable = process.name
    process.sessionName = process.name
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
