import Deadlines
import Faults

func withDeadline<Value: Sendable>(
  _ limit: Duration, operation: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withDeadline(
    limit,
    orThrow: Fault(
      .timedOut, operation: operation, reason: "it took longer than \(limit)",
      remedy: "look with 'lobstack status' which component does not answer"), body)
}
