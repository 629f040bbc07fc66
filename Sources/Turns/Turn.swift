/// Lets few callers at a time do something, in the order of their coming: one, where work must not interleave.
///
/// An actor alone would not do: its methods interleave wherever they await.
package actor Turn {
  private let places: Int
  private var taken = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// - Parameter places: callers at the same time.
  package init(places: Int = 1) { self.places = places }

  package func take<Result: Sendable>(_ body: @Sendable () async throws -> Result) async rethrows -> Result {
    if taken < places {
      taken += 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
    defer { pass() }
    return try await body()
  }

  /// Gives the place to the next one, if there is one.
  private func pass() {
    if waiting.isEmpty {
      taken -= 1
    } else {
      waiting.removeFirst().resume()
    }
  }
}
