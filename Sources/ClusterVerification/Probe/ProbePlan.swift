import Foundation

/// What a probe does in its Pod, and under which mark it tells of it.
package struct ProbePlan: Codable, Hashable, Sendable {
  /// On every line of the probe, so that no other text is taken for one.
  package var nonce: String
  /// What is said to whoever reaches the ports.
  package var canary: String
  /// TCP and UDP.
  package var ports: [UInt16] = []
  package var knocks: [Knock] = []
  /// Files of which the first bytes are told.
  package var files: [String] = []
  /// What has to raise alerts.
  package var deeds: [Deed] = []
  /// What is looked for among processes and files, by what it is called.
  package var search: [String: String] = [:]
  /// What the run's own secret values begin with, which are looked for.
  package var secretSearch: String?
  package var bombs: [Bomb] = []
  /// Knocks that are made at last: again and again, until none is answered or the time is over.
  package var late: [Knock] = []
  /// Seconds; 0 for once.
  package var lateTime = 0

  /// A try to reach something and to be answered.
  package struct Knock: Codable, Hashable, Sendable {
    package enum Transport: String, Codable, Sendable { case tcp, udp, icmp }

    package var id: String
    package var transport: Transport
    /// IPv4 or IPv6; or `answer:ID`, the address in the DNS answer to another knock.
    package var address: String
    package var port: UInt16
    /// What is said first.
    package var payload: Data?

    package init(
      _ id: String, _ transport: Transport = .tcp, _ address: String, _ port: UInt16 = 0, payload: [UInt8]? = nil
    ) {
      self.id = id
      self.transport = transport
      self.address = address
      self.port = port
      self.payload = payload.map { Data($0) }
    }
  }

  package enum Deed: Codable, Hashable, Sendable {
    /// Runs a program of this name, which does nothing.
    case run(name: String)
    /// Runs one with a command line of so many KiB.
    case runLong(name: String, kibibytes: Int)
    case open(String)
  }

  /// What takes as much as it is let have.
  package enum Bomb: Codable, Hashable, Sendable {
    /// So many at once, which wait.
    case processes(Int)
    case memory(megabytes: Int)
    /// So many threads that compute.
    case cpu(threads: Int, seconds: Int)

    static let processesID = "bomb:processes"
    static let memoryID = "bomb:memory"
    static let cpuID = "bomb:cpu"
  }

  package init(nonce: String, canary: String) {
    self.nonce = nonce
    self.canary = canary
  }

  /// As an argument of a program: base64 of JSON.
  package var argument: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return try encoder.encode(self).base64EncodedString()
    }
  }

  /// - Returns: `nil` for what is no plan.
  package init?(argument: String) {
    guard let data = Data(base64Encoded: argument), let plan = try? JSONDecoder().decode(Self.self, from: data) else {
      return nil
    }
    self = plan
  }
}

/// A line of a probe.
package struct ProbeLine: Codable, Hashable, Sendable {
  package var nonce: String
  /// Of a knock, or what is looked at: `uid`, `file:/etc/shadow`.
  package var id: String
  /// Of a knock: whether it was answered. Of what is tried: whether it worked.
  package var isDone: Bool
  package var text: String
  /// What came back, at most 512 bytes.
  package var answer: Data?

  /// The last line of the plan.
  package static let end = "end"
}
