/// Lets one caller at a time do what must not interleave, in the order of their coming.
///
/// An actor alone would not do: its methods interleave wherever they await.
package actor Turn {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  package init() {}

  package func take<Result: Sendable>(_ body: @Sendable () async throws -> Result) async rethrows -> Result {
    if isTaken {
      await withCheckedContinuation { waiting.append($0) }
    }
    isTaken = true
    defer { pass() }
    return try await body()
  }

  private func pass() {
    if waiting.isEmpty {
      isTaken = false
    } else {
      waiting.removeFirst().resume()
    }
  }
}
