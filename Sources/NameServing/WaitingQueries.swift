import AgentModel
import Deadlines

/// Queries of senders who are not known yet, in bounded room, in the order in which they came.
struct WaitingQueries {
  struct Query {
    var message: [UInt8]
    var sender: SocketAddress
    var deadline: Int64
  }

  private let patience: Int64
  private let most: Int
  private let mostPerSender: Int
  private var queries: [Query] = []

  init(limits: ResolverServer.Limits) {
    patience = nanoseconds(limits.patience)
    most = limits.waiting
    mostPerSender = limits.waitingPerSender
  }

  /// - Returns: whether it waits; otherwise it is to be answered now.
  mutating func add(_ message: ArraySlice<UInt8>, from sender: SocketAddress, now: Int64) -> Bool {
    guard patience > 0, queries.count < most,
      queries.count(where: { $0.sender.address == sender.address }) < mostPerSender
    else { return false }
    queries.append(Query(message: Array(message), sender: sender, deadline: now + patience))
    return true
  }

  /// Takes those that waited long enough, or whose sender is known now.
  ///
  /// - Parameter isKnown: `nil` when nobody became known.
  mutating func take(now: Int64, isKnown: ((IPv4Address) -> Bool)?) -> [Query] {
    guard let first = queries.first, isKnown != nil || first.deadline <= now else { return [] }
    let taken = queries.filter { $0.deadline <= now || isKnown?($0.sender.address) == true }
    queries.removeAll { $0.deadline <= now || isKnown?($0.sender.address) == true }
    return taken
  }
}
