import AgentModel

/// How a query ended, for the one who watches.
package enum QueryOutcome: String, Hashable, Sendable, CaseIterable {
  /// Got what it asked for.
  case answered
  /// An allowed name has no record of a type that programs ask for beside A: no harm meant, nothing to tell.
  case empty
  /// An allowed name whose address is not known yet: nothing to tell either.
  case notReady = "not-ready"
  /// A name that the agent may not reach.
  case refusedName = "refused-name"
  /// A refused name that looks like a message in disguise.
  case tunnelLike = "tunnel-like"
  /// A type, class or operation that no program needs in order to reach an allowed name.
  case oddType = "odd-type"
  case malformed
  /// Nobody whom the table names.
  case unknownSource = "unknown-source"
}

/// A query that was not answered with what it asked for.
package struct QueryVerdict: Hashable, Sendable {
  package var outcome: QueryOutcome
  package var source: IPv4Address
  /// In lower case, printable, at most 256 characters; empty when the message could not be read.
  package var name: String
  /// `A`, `TXT`, `TYPE65399`, …; `OPCODE5` for another operation; empty when the message could not be read.
  package var type: String

  package init(outcome: QueryOutcome, source: IPv4Address, name: String, type: String) {
    self.outcome = outcome
    self.source = source
    self.name = name
    self.type = type
  }
}

/// Whether a refused query has the shape that tunnels through DNS give their messages: long or many labels, bytes that
/// no host's name has, types that carry anything.
///
/// It only sorts what people look at first: the query went nowhere in either case.
func looksLikeTunnel(_ name: DomainName, _ type: RecordType) -> Bool {
  let labels = name.labels
  let longestLabel = labels.map(\.count).max() ?? 0
  if name.bytes.count > 100 || labels.count > 12 || longestLabel > 40 || type == .null { return true }
  if type == .text, longestLabel > 24 { return true }
  return !labels.allSatisfy { $0.allSatisfy(isHostnameByte) }
}
