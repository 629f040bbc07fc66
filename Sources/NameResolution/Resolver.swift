import AgentModel

/// What one sender may resolve, and to what.
package struct NameGrant: Hashable, Sendable {
  package var names: AllowedNames
  /// Where all of them lead; `nil` while that is not known.
  package var address: IPv4Address?

  package init(names: AllowedNames, address: IPv4Address?) {
    self.names = names
    self.address = address
  }
}

/// Answers the agents' DNS queries from what it was given; nothing that it is asked goes further.
///
/// An agent's allowed names have one address, its proxy's; every other name does not exist. That holds for names above an allowed
/// one too (RFC 8020 would have them exist, but nobody here walks down the tree).
package struct Resolver: Sendable {
  /// The table's version is the answer to TXT in class CH for it, for the host alone (RFC 4892 has the like).
  package static let versionName = "version.server"
  /// Longest query that is read, in bytes.
  package static let longestQuery = ReadMessage.longest
  /// Longest answer, in bytes: fits into what every sender takes over UDP.
  package static let longestAnswer = Answer.longest
  private static let nameOfVersion = DomainName(text: versionName)

  /// The same for look-ups, and what a table said of the agent.
  private struct Entry: Sendable {
    var grant: NameGrant
    var agent: ResolverTable.Agent?
  }

  private let version: ResolverTable.Version
  private var entries: [IPv4Address: Entry]

  /// - Parameter earlier: the resolver that this one replaces: most agents are as they were, and cost nothing again.
  package init(table: ResolverTable, replacing earlier: Resolver? = nil) {
    version = table.version
    var entries: [IPv4Address: Entry] = [:]
    entries.reserveCapacity(table.agents.count)
    for agent in table.agents {
      var entry: Entry
      if let known = earlier?.entries[agent.address], known.agent == agent {
        entry = known
        entry.grant.address = table.address
      } else {
        let names = AllowedNames(hosts: agent.hosts, names: agent.names)
        entry = Entry(grant: NameGrant(names: names, address: table.address), agent: agent)
      }
      entries[agent.address] = entry
    }
    self.entries = entries
  }

  /// Changes what one sender may resolve; `nil` makes it a stranger.
  package mutating func set(_ grant: NameGrant?, for source: IPv4Address) {
    entries[source] = grant.map { Entry(grant: $0) }
  }

  /// Senders that it knows.
  package var count: Int { entries.count }

  package func knows(_ source: IPv4Address) -> Bool { entries[source] != nil }

  /// An answer, if there is one to give, with what to count and tell of the query.
  package struct Reply: Hashable, Sendable {
    /// `nil` for what gets no answer: bytes without a whole header, and answers, to which an answer could come back.
    package var message: [UInt8]?
    package var outcome: QueryOutcome
    package var verdict: QueryVerdict?
  }

  /// - Parameters:
  ///   - message: the bytes of one query, without the length that TCP puts before it.
  ///   - source: whose query it is, told by an address that cannot be forged.
  ///   - isHost: whether the query comes from this machine itself: it may ask for the version, and for no name.
  package func reply(to message: ArraySlice<UInt8>, from source: IPv4Address, isHost: Bool) -> Reply {
    switch ReadMessage(message) {
    case .unanswerable: return malformed(nil, source)
    case .malformed(let header): return malformed(Answer.bytes(for: header, .malformed), source)
    case .otherOperation(let header):
      let verdict = QueryVerdict(
        outcome: .oddType, source: source, name: "", type: "OPCODE\(header.operation)")
      return Reply(message: Answer.bytes(for: header, .notImplemented), outcome: .oddType, verdict: verdict)
    case .query(let query):
      let (answer, outcome) = decide(query, source, isHost: isHost)
      return Reply(
        message: answer.bytes(for: query), outcome: outcome, verdict: verdict(outcome, of: query, source))
    }
  }

  private func malformed(_ answer: [UInt8]?, _ source: IPv4Address) -> Reply {
    Reply(
      message: answer, outcome: .malformed,
      verdict: QueryVerdict(outcome: .malformed, source: source, name: "", type: ""))
  }

  private func verdict(_ outcome: QueryOutcome, of query: Query, _ source: IPv4Address) -> QueryVerdict? {
    switch outcome {
    case .answered, .empty, .notReady: return nil
    case .refusedName, .tunnelLike, .oddType, .malformed, .unknownSource: break
    }
    return QueryVerdict(outcome: outcome, source: source, name: query.name.text, type: query.type.description)
  }

  private func decide(_ query: Query, _ source: IPv4Address, isHost: Bool) -> (Answer, QueryOutcome) {
    if let extensions = query.extensions, extensions.version != 0 { return (Answer(code: .badVersion), .malformed) }
    if isHost {
      guard query.recordClass == RecordClass.chaos, query.type == .text, query.name == Self.nameOfVersion else {
        return (Answer(code: .refused), .unknownSource)
      }
      return (Answer(code: .noError, record: .text(version.description)), .answered)
    }
    guard let grant = entries[source]?.grant else { return (Answer(code: .refused), .unknownSource) }
    guard query.recordClass == RecordClass.internet else { return (Answer(code: .refused), .oddType) }
    guard !query.type.isMeta else { return (Answer(code: .notImplemented), .oddType) }
    guard grant.names.contains(query.name) else {
      return (
        Answer(code: .noSuchName, isNegative: true),
        looksLikeTunnel(query.name, query.type) ? .tunnelLike : .refusedName
      )
    }
    switch query.type {
    case .address:
      guard let address = grant.address else { return (Answer(code: .serverFailure), .notReady) }
      return (Answer(code: .noError, record: .address(address)), .answered)
    // Asked for beside A by every program, so no sign of anything.
    case .address6, .https, .serviceBinding: return (Answer(code: .noError, isNegative: true), .empty)
    case .any: return (Answer(code: .noError, record: .nothingForAny), .oddType)
    default: return (Answer(code: .noError, isNegative: true), .oddType)
    }
  }
}
