import AgentModel
import Faults
import FoundationEssentials

/// What the node tells the sentinel.
package enum DetectionMessage: Sendable, Codable {
  /// The sandboxes that are to be watched: all of them, each time.
  ///
  /// - Parameter revision: rises each time.
  case sandboxes([WatchedSandbox], revision: UInt64)
  /// An operator starts a program in a sandbox, of which gVisor says nothing.
  case command(OperatorCommand)
  /// What became of an order.
  case answer(ResponseAnswer)
}

/// What the sentinel tells the node.
package enum SentinelMessage: Sendable, Codable {
  /// The sandboxes that are watched: all of them, at each change and every few seconds.
  ///
  /// - Parameters:
  ///   - knowing: the last revision of what is to be watched.
  ///   - rules: how many there are to watch by.
  case sessions([TraceSession], knowing: UInt64, rules: Int)
  case order(ResponseOrder)
}

/// A sandbox that has to be watched, with what alerts say of it.
package struct WatchedSandbox: Hashable, Sendable, Codable {
  /// `<instance>.<agent uid>`
  package var container: String
  package var agent: AgentID
  package var uid: AgentUID
  package var tier: String
  package var image: String
  package var response: AgentResponse
  /// The agent's address, and the host's end of its veth pair: what is refused is told by them.
  package var address: String
  package var interface: String

  package init(
    container: String, agent: AgentID, uid: AgentUID, tier: String, image: String, response: AgentResponse,
    address: String, interface: String
  ) {
    self.container = container
    self.agent = agent
    self.uid = uid
    self.tier = tier
    self.image = image
    self.response = response
    self.address = address
    self.interface = interface
  }
}

package struct OperatorCommand: Hashable, Sendable, Codable {
  package var container: String
  package var command: [String]
  package var time: Date

  package init(container: String, command: [String], time: Date) {
    self.container = container
    self.command = command
    self.time = time
  }
}

/// A trace session that is there, in numbers since it began.
package struct TraceSession: Hashable, Sendable, Codable {
  package var container: String
  /// Names the connection: a session that begins anew has another one.
  package var connection: UInt64
  package var messages: UInt64
  /// Messages that gVisor could not send.
  package var dropped: UInt64
  /// When the last message came.
  package var lastMessage: Date?

  package init(container: String, connection: UInt64, messages: UInt64, dropped: UInt64, lastMessage: Date?) {
    self.container = container
    self.connection = connection
    self.messages = messages
    self.dropped = dropped
    self.lastMessage = lastMessage
  }
}

/// Asks for the response to an alert, or for one that a person wants.
package struct ResponseOrder: Hashable, Sendable, Codable {
  /// The alert's id; of a person's order one of its own.
  package var alert: String
  package var rule: String
  package var container: String
  package var response: AgentResponse
  /// Who wants it, where no rule does: then there is no such alert.
  package var person: String?

  package init(alert: String, rule: String, container: String, response: AgentResponse) {
    self.alert = alert
    self.rule = rule
    self.container = container
    self.response = response
  }

  /// - Parameter person: as audit records call them.
  package init(by person: String, container: String, response: AgentResponse) {
    self.init(alert: UUID().uuidString.lowercased(), rule: "", container: container, response: response)
    self.person = person
  }
}

package struct ResponseAnswer: Sendable, Codable {
  package var alert: String
  /// When it was over.
  package var time: Date
  /// Why it failed; `nil` when what was ordered is in force.
  package var failure: String?

  package init(alert: String, time: Date, failure: String? = nil) {
    self.alert = alert
    self.time = time
    self.failure = failure
  }
}
