import APIModel
import Crypto
import Faults
import Foundation
import Synchronization

/// Browsers that are logged in. A session stands for a token and counts no longer than it does; none outlives the
/// control plane.
final class Sessions: Sendable {
  /// A session ends after so long, …
  static let life = Duration.seconds(12 * 3600)
  /// … and sooner when it is not used for so long.
  static let longestPause = Duration.seconds(3600)
  /// Sessions at once; of one token. The one that was used least lately gives way.
  private static let most = 1_000
  private static let mostOfToken = 20

  private struct Entry {
    let session: Session
    let end: ContinuousClock.Instant
    var used: ContinuousClock.Instant
  }

  /// By the hash of the cookie: who measures time, or reads this memory later, learns no cookie.
  private let entries = Mutex<[[UInt8]: Entry]>([:])

  /// - Returns: the session, and the cookie that stands for it. A cookie of before is never taken up again.
  func begin(_ token: Session.Token, at now: ContinuousClock.Instant = .now) -> (session: Session, cookie: String) {
    let cookie = TokenSecret.randomText()
    let id = TokenSecret.hash(cookie)
    let session = Session(id: id, token: token, csrfToken: TokenSecret.randomText(), begun: .now)
    entries.withLock { entries in
      entries = entries.filter { Self.counts($0.value, at: now) }
      Self.makeRoom(below: Self.mostOfToken, among: entries.filter { $0.value.session.token.id == token.id }, &entries)
      Self.makeRoom(below: Self.most, among: entries, &entries)
      entries[id] = Entry(session: session, end: now + Self.life, used: now)
    }
    return (session, cookie)
  }

  /// - Returns: the session of a cookie, which counts as used now; `nil` when there is none, or not any more.
  func session(of cookie: String, at now: ContinuousClock.Instant = .now) -> Session? {
    let id = TokenSecret.hash(cookie)
    return entries.withLock { entries in
      guard let entry = entries[id] else { return nil }
      guard Self.counts(entry, at: now) else {
        entries[id] = nil
        return nil
      }
      entries[id]?.used = now
      return entry.session
    }
  }

  func end(_ session: Session) { entries.withLock { $0[session.id] = nil } }

  func end(ofToken id: String) { entries.withLock { $0 = $0.filter { $0.value.session.token.id != id } } }

  private static func counts(_ entry: Entry, at now: ContinuousClock.Instant) -> Bool {
    now < entry.end && now - entry.used < longestPause
  }

  private static func makeRoom(below limit: Int, among some: [[UInt8]: Entry], _ entries: inout [[UInt8]: Entry]) {
    guard some.count >= limit else { return }
    for (id, _) in some.sorted(by: { $0.value.used < $1.value.used }).prefix(some.count - limit + 1) {
      entries[id] = nil
    }
  }
}

/// One browser's login.
struct Session: Sendable {
  struct Token: Sendable {
    let id: String
    /// By which the token is looked up with each request.
    let hash: [UInt8]
  }

  let id: [UInt8]
  let token: Token
  /// What a page of this origin can read, and a page of another cannot.
  let csrfToken: String
  let begun: Date

  var expires: Date { begun.addingTimeInterval(TimeInterval(Sessions.life.components.seconds)) }

  static let ended = Fault(
    .unauthenticated, operation: "authenticate the request", reason: "the session has ended", remedy: "log in again")

  /// - Throws: `Fault(.unauthenticated)` when a request with the session's cookie is not of a page of this origin.
  func require(site: String?, csrfToken: String?, isSafe: Bool) throws {
    guard accepts(site: site, csrfToken: csrfToken, isSafe: isSafe) else {
      throw Fault(
        .unauthenticated, operation: "authenticate the request",
        reason: "the request does not come from the dashboard's own page",
        remedy: "send the session's 'x-csrf-token', from a page of this origin")
    }
  }

  /// Whether a request with the session's cookie was made by a page of this origin.
  ///
  /// A browser sends the cookie with requests that any page makes it send. What `Sec-Fetch-Site` says no page can forge
  /// (W3C Fetch Metadata); where a browser does not send it, the header with the token has to do.
  func accepts(site: String?, csrfToken given: String?, isSafe: Bool) -> Bool {
    guard site == nil || site == "same-origin" || site == "none" && isSafe else { return false }
    // Hashes, so that the time tells nothing.
    return isSafe || TokenSecret.hash(given ?? "") == TokenSecret.hash(csrfToken)
  }
}
