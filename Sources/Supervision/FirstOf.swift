/// Runs both until one has ended, then cancels the other.
func firstOf(
  _ one: @escaping @Sendable () async throws -> Void, _ other: @escaping @Sendable () async throws -> Void
) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await one() }
    group.addTask { try await other() }
    defer { group.cancelAll() }
    try await group.next()
  }
}

extension Result where Failure == any Error, Success: Sendable {
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
