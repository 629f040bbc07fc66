import AgentModel
import JSONValues

/// One rule of an AuthorizationPolicy: who may ask what. Rules only ever allow.
package struct AccessRule: Hashable, Sendable {
  package var principal: Principal
  /// In capitals; empty allows all.
  package var methods: [String]
  /// `/exact` or `/prefix/*`; empty allows all.
  package var paths: [String]

  package init(principal: Principal, methods: [String] = [], paths: [String] = []) {
    self.principal = principal
    self.methods = methods
    self.paths = paths
  }

  /// Identities, written as in Istio: without "spiffe://", with at most one `*` at the beginning or at the end.
  package struct Principal: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Returns: `nil` for an empty text and for a `*` elsewhere.
    package init?(_ text: String) {
      let inner = text.hasPrefix("*") ? text.dropFirst() : text.hasSuffix("*") ? text.dropLast() : text[...]
      guard !text.isEmpty, !inner.contains("*") else { return nil }
      description = text
    }

    package func matches(_ id: SPIFFEID) -> Bool {
      let identity = "\(id.trustDomain)\(id.path)"
      if description.hasPrefix("*") { return identity.hasSuffix(description.dropFirst()) }
      if description.hasSuffix("*") { return identity.hasPrefix(description.dropLast()) }
      return identity == description
    }
  }
}

/// Envoy's condition on a request's method and path.
struct RequestMatch: Hashable {
  /// Empty matches those that HTTP has for all, without TRACE, which would return the request's own headers, and
  /// CONNECT.
  var methods: [String]
  /// `nil` matches every path.
  var path: String?

  /// One match for each path of a rule.
  static func matches(methods: [String], paths: [String]) -> [RequestMatch] {
    paths.isEmpty
      ? [RequestMatch(methods: methods, path: nil)] : paths.map { RequestMatch(methods: methods, path: $0) }
  }

  var json: JSON { pathCondition.adding(["headers": [methodCondition]]) }

  private var pathCondition: JSON {
    guard let path else { return ["prefix": "/"] }
    return path.hasSuffix("/*") ? ["prefix": .string(String(path.dropLast()))] : ["path": .string(path)]
  }

  private var methodCondition: JSON {
    switch methods.count {
    case 0: ["name": ":method", "string_match": ["safe_regex": ["regex": .string(Self.anyOf(Self.everyMethod))]]]
    case 1: ["name": ":method", "string_match": ["exact": .string(methods[0])]]
    default:
      ["name": ":method", "string_match": ["safe_regex": ["regex": .string(Self.anyOf(methods))]]]
    }
  }

  private static let everyMethod = EgressAllowance.knownMethods

  /// A regular expression (RE2) for exactly these words: what is neither letter nor digit is escaped.
  private static func anyOf(_ words: [String]) -> String {
    words.map { word in
      word.unicodeScalars.map { scalar in
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": "\(scalar)"
        default: "\\\(scalar)"
        }
      }.joined()
    }.joined(separator: "|")
  }
}
