import APIModel
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import ClusterNames

@Suite("Telling of refused queries", .timeLimit(.minutes(1))) struct ReportThreadTests {
  private func denial(_ port: UInt16, count: Int = 1) -> DenialResource {
    DenialResource(
      time: Date(timeIntervalSince1970: 0), agent: nil, rule: "dns-refused-name", protocol: "udp", source: "10.1.0.1",
      destination: "x", port: port, count: count)
  }

  @Test("waits for who reads it on a thread of its own, and counts what has no room") func blocked() {
    let (begun, open, done) = (
      DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
    )
    let told = Mutex<[UInt16?]>([])
    let reports = ReportThread { denial in
      if denial.port == 1 {
        begun.signal()
        open.wait()
      }
      told.withLock { $0.append(denial.port) }
      if denial.port == 3 { done.signal() }
    }
    #expect(reports.add([denial(1)]) == 0)
    begun.wait()
    // Nobody reads: these wait, and what is more is counted by its queries.
    #expect(reports.add(Array(repeating: denial(2), count: ReportThread.longest - 1)) == 0)
    #expect(reports.add([denial(3), denial(4, count: 5), denial(4)]) == 6)
    open.signal()
    done.wait()
    #expect(told.withLock { $0.count == ReportThread.longest + 1 && $0.first == 1 && $0.last == 3 })
    reports.stop()
  }

  @Test("is over without the one that reads nothing any more") func stopped() {
    let (begun, never) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let reports = ReportThread { _ in
      begun.signal()
      never.wait()
    }
    _ = reports.add([denial(1), denial(2)])
    begun.wait()
    reports.stop()
    never.signal()
  }
}
