import Foundation
import Testing

@testable import Node

@Suite("The node, when its clock jumps,") struct ClockTests {
  @Test("lets no lease of secrets become longer, also over a start of its own") func lease() throws {
    let now = ContinuousClock.now
    let lease = SecretLease(from: now, share: 1)
    #expect(!lease.isOver(at: now) && !lease.isOver(at: now + .seconds(3600)))
    #expect(lease.isOver(at: now + .seconds(3601)))
    // Of a machine that has started anew since: nothing of it counts.
    #expect(lease.isOver(at: now - .seconds(1)))
    let kept = try JSONDecoder().decode(SecretLease.self, from: JSONEncoder().encode(lease))
    #expect(kept.due == lease.due && kept.isOver(at: now + .seconds(3601)) && !kept.isOver(at: now + .seconds(3600)))
  }

  @Test("reads secrets again within five minutes, after five seconds when that failed, and at once when one was set")
  func due() {
    let now = ContinuousClock.now
    var lease = SecretLease(from: now, share: 0.8)
    #expect(lease.due == now + .seconds(240))
    lease.retry(from: now)
    #expect(lease.due == now + .seconds(5))
    lease.doubt(at: now)
    #expect(lease.due == now)
    // Set twice while it is read: the second is seen too.
    lease.doubt(at: now + .seconds(1))
    #expect(lease.due != now)
    #expect(!lease.isOver(at: now + .seconds(3600)))
  }

  @Test("keeps closed what has expired, and closes at once what a later time ends") func expiry() {
    var time = RisingTime()
    let noon = Date(timeIntervalSince1970: 1_000_000)
    #expect(time.read(noon) == noon)
    #expect(time.read(noon - 86_400) == noon)
    #expect(time.read(noon + 1) == noon + 1)
  }
}
