/// Something that several checks use and that the first of them makes.
actor Shared<Value: Sendable> {
  private let make: @Sendable () async throws -> Value
  private var task: Task<Value, any Error>?

  init(_ make: @escaping @Sendable () async throws -> Value) { self.make = make }

  /// Whether anyone has asked for it.
  var isMade: Bool { task != nil }

  /// The value; the same for all, also when making it failed.
  var value: Value {
    get async throws {
      // One task for all callers, each of which awaits it. A cancelled caller must not take it from the others; the
      // whole run's end is bounded by the deadline of each step in it.
      let task = self.task ?? Task { try await make() }
      self.task = task
      return try await task.value
    }
  }
}
