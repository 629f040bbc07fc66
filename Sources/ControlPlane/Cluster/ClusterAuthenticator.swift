import AgentModel
import Crypto
import Faults
import FoundationEssentials
import HTTPTypes
import KubernetesAPI

/// Finds out who makes a request by the tokens of a cluster's own users and service accounts.
struct ClusterAuthenticator: CallerIdentifying {
  /// As long as a header may be.
  private static let longestToken = 16 << 10

  let questions: ClusterQuestions
  /// A token has to be for one of them.
  let audiences: [String]
  /// `nil` where nobody can log in with a browser.
  let sessions: SealedSessions?
  /// By the digest of a token: who reads this memory learns none. A token that is taken back counts for so long yet.
  private let known = ShortCache<[UInt8], ClusterUser?>(life: .seconds(10))
  /// Who called with tokens that were good lately, by their digest: they are asked about again without waiting for tokens that are not.
  private let good = ShortCache<[UInt8], String>(life: .seconds(3_600))
  /// Of each caller: Pods of one service account come at once, one on each node.
  private let renewals = RateLimiter(rate: 10, burst: 20)
  /// Other tokens are asked about; whoever makes them up does not have the API server pay for it.
  private let reviews = RateLimiter(rate: 100, burst: 200)

  init(questions: ClusterQuestions, audiences: [String], sessions: SealedSessions?) {
    self.questions = questions
    self.audiences = audiences
    self.sessions = sessions
  }

  func takesCookies(from peer: Peer) -> Bool { sessions != nil }

  func identify(peer: Peer, authorization: String?) async throws -> Principal {
    guard let authorization else { throw refusal("no token was given") }
    guard let token = Self.token(in: authorization) else {
      throw refusal("the Authorization header is no bearer token")
    }
    return try await holder(of: token)
  }

  func identify(
    cookie: String, site: String?, csrfToken: String?, isSafe: Bool
  ) async throws -> (Principal, Session) {
    guard let (session, token) = sessions?.open(cookie) else { throw Session.ended }
    try session.require(site: site, csrfToken: csrfToken, isSafe: isSafe)
    return (try await holder(of: token), session)
  }

  /// The token of an `Authorization` header (RFC 6750 §2.1); `nil` when it has another form.
  static func token(in authorization: String) -> String? {
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer", (1...longestToken).contains(parts[1].utf8.count),
      parts[1].utf8.allSatisfy(isOfToken)
    else { return nil }
    return String(parts[1])
  }

  private static func isOfToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
      true
    default: false
    }
  }

  private func holder(of token: String) async throws -> Principal {
    let digest = Array(SHA256.hash(data: Data(token.utf8)))
    if let answer = known.value(of: digest) { return try principal(answer) }
    let wait = if let caller = good.value(of: digest) { renewals.take(caller) } else { reviews.take("all") }
    if let wait {
      throw HTTPFault(
        status: .tooManyRequests,
        fault: Fault(
          .exhausted, operation: "authenticate the request", reason: "too many tokens are new at once",
          remedy: "wait as long as Retry-After says"),
        headers: [.retryAfter: "\(max(1, wait.components.seconds + 1))"])
    }
    let answer = try await questions.user(ofToken: token, audiences: audiences)
    known.set(answer, of: digest)
    if let answer { good.set(answer.caller, of: digest) }
    return try principal(answer)
  }

  private func principal(_ user: ClusterUser?) throws -> Principal {
    guard let user else {
      throw refusal("the cluster does not know the token, or it expired, or it is not for '\(audiences[0])'")
    }
    return Principal(kind: .user(user), name: user.name)
  }

  private func refusal(_ reason: String) -> Fault {
    Fault(
      .unauthenticated, operation: "authenticate the request", reason: reason,
      remedy:
        "send 'Authorization: Bearer' with a token of 'kubectl create token ACCOUNT --audience \(audiences[0])'")
  }
}
