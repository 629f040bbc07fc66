/// Something that several checks use and that the first of them makes.
package actor Shared<Value: Sendable> {
  private let make: @Sendable () async throws -> Value
  private var task: Task<Value, any Error>?

  package init(_ make: @escaping @Sendable () async throws -> Value) { self.make = make }

  /// Whether anyone has asked for it.
  package var isMade: Bool { task != nil }

  /// Ends its making, for all who wait for it.
  package func cancel() { task?.cancel() }

  /// The value; the same for all, also when making it failed.
  package var value: Value {
    get async throws {
      // One task for all callers, each of which awaits it. A cancelled caller must not take it from the others; the
      // whole run's end is bounded by the deadline of each step in it.
      let task = self.task ?? Task { try await make() }
      self.task = task
      return try await task.value
    }
  }
}
