import Faults

func withDeadline<Value: Sendable>(
  _ limit: Duration, operation: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw Fault(
        .timedOut, operation: operation, reason: "it took longer than \(limit)",
        remedy: "look with 'lobstack status' which component does not answer")
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw CancellationError() }
    return value
  }
}
