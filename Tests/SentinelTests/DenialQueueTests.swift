import APIModel
import Foundation
import NameResolution
import NetworkIsolation
import Testing

@testable import Sentinel

@Suite("The queue of denials") struct DenialQueueTests {
  private func attempts(_ hosts: Range<Int>, untold: [String: Int] = [:]) -> AttemptWindow.Contents {
    var contents = AttemptWindow.Contents()
    contents.attempts = hosts.map {
      DeniedAttempt(
        key: .init(rule: "dns-refused-name", source: "10.64.0.2", host: "x\($0).example.net", method: "A"),
        firstSeen: 1_500_000_000, count: 2)
    }
    contents.untold = untold
    return contents
  }

  @Test("tells who wanted to reach whom, and how often") func told() throws {
    var queue = DenialQueue()
    #expect(queue.isEmpty && queue.batch() == nil)
    queue.add(attempts(0..<1))
    let resource = try #require(queue.batch()?.first)
    #expect(resource.rule == "dns-refused-name" && resource.protocol == "dns" && resource.source == "10.64.0.2")
    #expect(resource.host == "x0.example.net" && resource.method == "A" && resource.count == 2)
    #expect(resource.time.timeIntervalSince1970 == 1.5)
    queue.removeBatch()
    #expect(queue.isEmpty)
  }

  @Test("keeps a bounded number and counts the rest") func bounded() throws {
    var queue = DenialQueue()
    queue.add(attempts(0..<DenialQueue.longest + 10, untold: ["10.64.0.2": 5, "10.64.0.6": 1]))
    var packets = DenialWindow.Contents()
    packets.overflow = 3
    queue.add(packets)
    #expect(queue.batch()?.last?.rule == "untold")
    #expect(queue.batch()?.last?.count == 10 * 2 + 6 + 3)
    var told = 0
    while let batch = queue.batch() {
      told += batch.count { $0.rule != "untold" }
      queue.removeBatch()
    }
    #expect(told == DenialQueue.longest)
  }
}
