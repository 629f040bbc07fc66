import APIModel
import AgentModel
import Foundation
import NameResolution
import Testing

@testable import ClusterNames

@Suite("The log of refused names") struct DenialLogTests {
  private let one = AgentID("default/one")

  private func contents(_ kinds: [(source: String, count: Int)], untold: [String: Int] = [:]) -> AttemptWindow.Contents
  {
    var contents = AttemptWindow.Contents()
    for (source, count) in kinds {
      for number in 0..<count {
        contents.attempts.append(
          DeniedAttempt(
            key: .init(rule: "dns-refused-name", source: source, host: "x\(number).example.net", method: "A"),
            firstSeen: 1_500_000_000, count: 2))
      }
    }
    contents.untold = untold
    return contents
  }

  @Test("tells whose they were, in the words of one machine") func told() throws {
    let log = DenialLog(contents([("10.1.0.1", 1), ("10.1.0.9", 1)]), now: .now) {
      $0.description == "10.1.0.1" ? one : nil
    }
    #expect(log.untold == 0)
    #expect(log.entries.map(\.agent) == [one, nil])
    let text = String(decoding: try APIJSON.encode(log.entries[0]), as: UTF8.self)
    #expect(
      text
        == #"{"agent":"default/one","count":2,"destination":"","host":"x0.example.net","method":"A","protocol":"dns","#
        + #""rule":"dns-refused-name","source":"10.1.0.1","time":"1970-01-01T00:00:01.500Z"}"#)
  }

  @Test("has room for so many, of each agent before more of one, and counts the others") func bounded() {
    let log = DenialLog(
      contents([("10.1.0.1", 500), ("10.1.0.2", 2), ("10.1.0.3", 1)], untold: ["10.1.0.4": 7]), now: .now
    ) { _ in nil }
    #expect(log.entries.count == DenialLog.longest + 1)
    #expect(log.entries.count { $0.source == "10.1.0.2" } == 2 && log.entries.count { $0.source == "10.1.0.3" } == 1)
    #expect(log.untold == 2 * 503 - 2 * DenialLog.longest + 7)
    #expect(log.entries.last?.rule == "untold" && log.entries.last?.count == log.untold)
  }
}
