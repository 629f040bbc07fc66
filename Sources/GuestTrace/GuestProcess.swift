import Synchronization

/// A process of a sandbox, as its events showed it.
final class GuestProcess {
  let id: UInt64
  /// When it began, nanoseconds since 1970 by the sandbox's clock; 0 when its beginning was not seen.
  let start: UInt64
  /// Also when the parent has ended: rules ask for ancestors.
  let parent: GuestProcess?
  /// How many ancestors it has.
  let depth: Int

  var name: [UInt8] = [] { didSet { Self.change() } }
  /// The program's first argument.
  var executable: [UInt8] = [] { didSet { Self.change() } }
  var path: [UInt8] = [] { didSet { Self.change() } }
  /// Without the first; bounded.
  var arguments: [[UInt8]] = [] { didSet { Self.change() } }
  var argumentCount = 0 { didSet { Self.change() } }
  /// `NAME=value`; bounded.
  var environment: [[UInt8]] = [] { didSet { Self.change() } }
  var cwd: [UInt8] = [] { didSet { Self.change() } }
  var effectiveUser: UInt64 = 0
  var effectiveGroup: UInt64 = 0
  var isFromMemory = false { didSet { Self.change() } }
  var hasTerminal = false { didSet { Self.change() } }
  /// The leader of its session as far as known: the process that an operator's command or the sandbox began with.
  var sessionName: [UInt8] { didSet { Self.change() } }
  /// By descriptor; only sockets, and files that were opened where it was seen.
  private(set) var descriptors: [Int64: GuestDescriptor] = [:]

  private static let mostDescriptors = 4_096
  /// Bytes that are kept of a name; the kernel keeps fewer.
  static let longestName = 64
  /// Ancestors that are kept; a chain of forks must not grow without bound.
  static let deepest = 64

  /// Which of all processes that ever were it is.
  let serial: UInt64

  /// How often anything of any process changed that fields tell of: as long as it stays the same, everything that is
  /// known of a process and its ancestors does.
  static var revision: UInt64 { revisions.load(ordering: .relaxed) }

  private static let revisions = Atomic<UInt64>(0)
  private static let serials = Atomic<UInt64>(0)

  private static func change() { revisions.wrappingAdd(1, ordering: .relaxed) }

  init(id: UInt64, start: UInt64, parent: GuestProcess?) {
    serial = Self.serials.wrappingAdd(1, ordering: .relaxed).newValue
    self.id = id
    self.start = start
    self.parent = (parent?.depth ?? 0) < Self.deepest ? parent : nil
    depth = self.parent.map { $0.depth + 1 } ?? 0
    sessionName = parent?.sessionName ?? []
    guard let parent else { return }
    (name, executable, path, arguments) = (parent.name, parent.executable, parent.path, parent.arguments)
    (argumentCount, environment, cwd) = (parent.argumentCount, parent.environment, parent.cwd)
    (effectiveUser, effectiveGroup) = (parent.effectiveUser, parent.effectiveGroup)
    (isFromMemory, hasTerminal, descriptors) = (parent.isFromMemory, parent.hasTerminal, parent.descriptors)
  }

  /// A program that an operator starts: below a process `lobstack` of number 0, which no process of a sandbox has.
  ///
  /// - Returns: `nil` for an empty command.
  convenience init?(startedByOperator command: [String], at time: UInt64) {
    guard let program = command.first else { return nil }
    let parent = GuestProcess(id: 0, start: 0, parent: nil)
    parent.name = Array("lobstack".utf8)
    parent.sessionName = parent.name
    self.init(id: 0, start: time, parent: parent)
    name = GuestPath.baseName(Array(program.utf8))
    path = Array(program.utf8)
    setCommandLine(command.map { Array($0.utf8) }, count: command.count)
    // Who an agent is in its sandbox.
    (effectiveUser, effectiveGroup) = (10_001, 10_001)
  }

  /// The process that `expected` has become.
  convenience init(id: UInt64, start: UInt64, _ expected: GuestProcess) {
    self.init(id: id, start: start, parent: expected.parent)
    (name, executable, path, arguments) = (expected.name, expected.executable, expected.path, expected.arguments)
    argumentCount = expected.argumentCount
    (effectiveUser, effectiveGroup) = (expected.effectiveUser, expected.effectiveGroup)
  }

  /// Takes over a command line. Without a first argument the program's path stands for it.
  ///
  /// - Parameter count: of all words, also those that are not among `words`.
  func setCommandLine(_ words: [[UInt8]], count: Int) {
    executable = words.first ?? path
    arguments = Array(words.dropFirst())
    argumentCount = max(0, count - 1)
  }

  /// Takes over what the context of an event tells of it.
  func learn(_ context: TraceMessage.Context, keepingName: Bool = false) {
    if context.hasCredentials {
      effectiveUser = context.effectiveUser
      effectiveGroup = context.effectiveGroup
    }
    if !context.cwd.isEmpty, !context.cwd.elementsEqual(cwd) { cwd = Array(context.cwd) }
    // Threads have names of their own; the first one's is the process's.
    if !keepingName, context.thread == context.process, !context.name.isEmpty, !context.name.elementsEqual(name) {
      name = Array(context.name.prefix(Self.longestName))
    }
  }

  subscript(descriptor: Int64) -> GuestDescriptor? {
    get { descriptors[descriptor] }
    set {
      // A process has no more than its limit allows; past ours the newest are not known.
      guard newValue == nil || descriptors[descriptor] != nil || descriptors.count < Self.mostDescriptors else {
        return
      }
      descriptors[descriptor] = newValue
    }
  }
}

/// What a descriptor of a process leads to.
struct GuestDescriptor {
  enum Kind { case file, ipv4, ipv6, unix, packet, netlink, other }

  var kind: Kind
  var name: [UInt8] = []
  /// Of socket(2).
  var socketType: Int64 = 0
  var socketProtocol: Int64 = 0
}
