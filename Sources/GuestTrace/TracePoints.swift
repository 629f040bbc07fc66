import Detection

/// What a sandbox is asked to tell: the configuration of its trace session (gVisor, pkg/sentry/seccheck/config.go).
///
/// Everything that rules may ask for but what a program does all the time: reading, writing, closing, waiting. It tells
/// of a call when it ends, so that its result is known, but for calls that can take long or whose arguments are not
/// told.
package struct TracePoints: Encodable, Hashable, Sendable {
  private let trace_session: Session

  private struct Session: Encodable, Hashable, Sendable {
    var name = "Default"
    var ignore_missing = true
    var points: [Point]
    var sinks: [Sink]
  }

  private struct Point: Encodable, Hashable, Sendable {
    var name: String
    var optional_fields: [String]?
    var context_fields: [String]
  }

  private struct Sink: Encodable, Hashable, Sendable {
    var name = "remote"
    var ignore_setup_error = false
    var config: Remote
  }

  private struct Remote: Encodable, Hashable, Sendable {
    var endpoint: String
    /// A message waits for the sentinel rather than to be lost, at most for about 10 ms.
    var retries = 3
    var backoff = "25us"
    var backoff_max = "10ms"
  }

  private static let context = [
    "time", "thread_id", "task_start_time", "group_id", "thread_group_start_time", "container_id", "credentials", "cwd",
    "process_name",
  ]

  /// Calls that are only told by number, without what their pointers lead to.
  private static let numbered: [UInt64] = [
    62, 82, 86, 87, 88, 90, 101, 113, 114, 126, 133, 135, 155, 165, 166, 167, 169, 175, 176, 246, 248, 250, 263, 264,
    265, 266, 268, 272, 298, 308, 310, 311, 313, 316, 319, 321, 323, 425, 438,
  ]

  /// Types of events that come of the points.
  package static let eventTypes: Set<EventType> = Set(
    (whole + ["connect", "bind", "chroot", "clone", "procexit"]).compactMap(EventType.init)
      + numbered.compactMap(SystemCall.type))

  private static let withPath = ["openat", "execveat", "fchdir", "accept", "accept4"]
  private static let withoutPath = [
    "open", "creat", "execve", "socket", "socketpair", "setuid", "setgid", "setresuid", "setresgid", "chdir", "dup",
    "dup2", "dup3",
  ]
  private static let whole = withPath + withoutPath

  /// - Parameter socket: where the sentinel listens.
  package init(socket: String) {
    func point(_ name: String, _ optional: [String]? = nil) -> Point {
      Point(name: name, optional_fields: optional, context_fields: Self.context)
    }
    var points = [
      point("container/start", ["env"]), point("sentry/execve", ["binary_info"]), point("sentry/clone"),
      point("sentry/task_exit"), point("syscall/connect/enter", ["fd_path"]), point("syscall/bind/enter", ["fd_path"]),
      point("syscall/chroot/enter"),
    ]
    points += Self.withPath.map { point("syscall/\($0)/exit", ["fd_path"]) }
    points += Self.withoutPath.map { point("syscall/\($0)/exit") }
    points += Self.numbered.map { point("syscall/sysno/\($0)/enter") }
    trace_session = Session(points: points, sinks: [Sink(config: Remote(endpoint: socket))])
  }
}
