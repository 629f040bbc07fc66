/// Work whose callers share it: however many ask while it runs, it runs once more for all of them.
///
/// A caller never gets the result of work that began before it asked.
actor Joined {
  private let work: @Sendable () async throws -> Void
  private var current: Task<Void, any Error>?
  private var next: Task<Void, any Error>?

  init(_ work: @escaping @Sendable () async throws -> Void) { self.work = work }

  func run() async throws {
    if let next { return try await next.value }
    // Not child tasks: the callers who share the work await it, and one caller's cancellation is not the others'.
    let earlier = current
    let task = Task { [work] in
      if let earlier { _ = await earlier.result }
      self.begin()
      try await work()
    }
    next = task
    try await task.value
  }

  private func begin() {
    current = next
    next = nil
  }
}
