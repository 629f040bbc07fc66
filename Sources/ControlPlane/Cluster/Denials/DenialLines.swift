import APIModel
import AgentModel
import Foundation
import NIOCore
import NameResolution

/// What a log tells of refusals, as its bytes come: like ones of a second counted together, as the sentinel of one machine
/// counts them.
struct DenialLines {
  /// Who writes the log.
  enum Writer: Sendable {
    /// The gateway of an agent: what it refuses is that agent's, or of who calls that agent, whatever its lines say.
    case gateway(of: AgentID)
    /// A name server, which says whose each is and counts itself.
    ///
    /// - Parameter agent: the only one whose lines are wanted; `nil` for all.
    case nameServer(agent: AgentID?)
  }

  private struct Kind: Hashable {
    var second: Int64
    var key: DeniedAttempt.Key
  }

  private let writer: Writer
  private let window: DenialWindow
  private var buffer = LineBuffer(longest: ProxyDenial.longestLine)
  private var places: [Kind: Int] = [:]
  /// Of each of the denials, where like ones are counted.
  private var kinds: [Kind] = []
  private(set) var denials: [DenialResource] = []
  /// Of all that the log tells.
  private(set) var oldest: Date?
  /// Of whom a name server tells, and when last.
  private(set) var agents: [AgentID: Date] = [:]
  /// Of the log, whatever they tell.
  private(set) var lines = 0
  private(set) var bytes = 0

  init(_ writer: Writer, _ window: DenialWindow = .everything) {
    self.writer = writer
    self.window = window
  }

  mutating func add(_ piece: ByteBuffer) {
    let view = Array(piece.readableBytesView)
    bytes += view.count
    lines += view.count { $0 == UInt8(ascii: "\n") }
    var whole: [[UInt8]] = []
    buffer.add(view[...]) { whole.append(Array($0)) }
    for line in whole { take(line) }
  }

  private mutating func take(_ line: [UInt8]) {
    switch writer {
    case .gateway(let agent):
      // Envoy's own log is among them.
      guard let denial = ProxyDenial(line: line) else { return }
      let kind = Kind(second: denial.time / 1_000_000_000, key: DeniedAttempt.Key(denial))
      if let place = places[kind] {
        denials[place].count += 1
      } else if keep(DenialResource(DeniedAttempt(key: kind.key, firstSeen: denial.time, count: 1), agent: agent)) {
        places[kind] = kinds.count
        kinds.append(kind)
        trim()
      }
    case .nameServer(let agent):
      if let agent, !line.contains("\(agent.name)".utf8) { return }
      // Its log of itself is among them, which has other fields.
      guard var denial = try? APIJSON.decode(DenialResource.self, from: line), agent == nil || denial.agent == agent,
        ProxyDenial.times.contains(denial.time.timeIntervalSince1970)
      else { return }
      denial.remedy = nil
      if let agent = denial.agent { agents[agent] = max(agents[agent] ?? denial.time, denial.time) }
      if keep(denial) { trim() }
    }
  }

  private mutating func keep(_ denial: DenialResource) -> Bool {
    oldest = min(oldest ?? denial.time, denial.time)
    guard window.has(denial) else { return false }
    denials.append(denial)
    return true
  }

  private mutating func trim() {
    guard let kept = window.kept(of: denials) else { return }
    denials = kept.map { denials[$0] }
    guard !kinds.isEmpty else { return }
    kinds = kept.map { kinds[$0] }
    places = Dictionary(uniqueKeysWithValues: kinds.enumerated().map { ($0.element, $0.offset) })
  }
}
