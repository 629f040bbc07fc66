/// How long what was read from the secrets manager may be used, and when it is read again.
///
/// By the machine's own clock, which counts on from its start and which nobody sets: a time of day that is set back makes
/// no lease longer. The same for every process until the machine starts anew, so that a lease outlives the node.
struct SecretLease: Sendable, Codable {
  private static let period = Duration.seconds(300)
  private static let pause = Duration.seconds(5)
  /// As long as a token of an agent lives (`policy/vault/provision.hcl`).
  private static let life = Duration.seconds(3600)

  private let begin: ContinuousClock.Instant
  /// When to read again.
  private(set) var due: ContinuousClock.Instant

  /// - Parameter share: of five minutes, after which it is read again: spread out, so that not all come at once.
  init(from now: ContinuousClock.Instant, share: Double = .random(in: 0.8...1)) {
    begin = now
    due = now + Self.period * share
  }

  /// A beginning that lies ahead is none of this machine's.
  func isOver(at now: ContinuousClock.Instant) -> Bool { now < begin || now - begin > Self.life }

  mutating func retry(from now: ContinuousClock.Instant) { due = now + Self.pause }

  /// Has it read again at once.
  mutating func doubt(at now: ContinuousClock.Instant) { due = now }
}
