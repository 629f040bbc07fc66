import Foundation
import JSONValues
import Logging
import Testing

@testable import KubernetesAPI

@Suite("The record of a lease") struct LeaseRecordTests {
  private let time = Date(timeIntervalSince1970: 1_800_000_000.25)
  private let record = LeaseRecord(holder: "a", duration: 15, acquired: "x", renewed: "y", transitions: 4)

  @Test("is renewed by its holder, who keeps the time since which it leads") func renews() {
    let claim = record.claim(by: "a", lasting: 20, unchanged: .zero, at: time)
    #expect(
      claim
        == LeaseRecord(
          holder: "a", duration: 20, acquired: "x", renewed: "2027-01-15T08:00:00.250000Z", transitions: 4))
  }

  @Test("is taken when it did not change for as long as it lasts, whatever times stand in it") func takes() {
    #expect(record.claim(by: "b", lasting: 15, unchanged: .seconds(15), at: time) == nil)
    let now = "2027-01-15T08:00:00.250000Z"
    let claim = record.claim(by: "b", lasting: 15, unchanged: .seconds(15) + .nanoseconds(1), at: time)
    #expect(claim == LeaseRecord(holder: "b", duration: 15, acquired: now, renewed: now, transitions: 5))
    // A clock that is far off, or no time at all, changes nothing.
    for renewed in ["1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", "", "soon"] {
      var other = record
      other.renewed = renewed
      #expect(other.claim(by: "b", lasting: 15, unchanged: .seconds(14), at: time) == nil)
      #expect(other.claim(by: "b", lasting: 15, unchanged: .seconds(16), at: time) != nil)
    }
  }

  @Test("is taken at once when it was given back") func given() {
    let free = record.released(at: time)
    #expect(free.holder == "")
    #expect(free.claim(by: "b", lasting: 15, unchanged: .zero, at: time)?.transitions == 5)
  }

  @Test("stands in a Lease, whose other parts stay") func lease() throws {
    let lease = KubernetesObject(fields: [
      "metadata": ["name": "l", "labels": ["a": "b"]], "spec": ["preferredHolder": "z", "holderIdentity": "q"],
    ])
    let written = record.put(into: lease)
    #expect(LeaseRecord(written) == record)
    #expect(written["spec", "preferredHolder"] == "z" && written.labels == ["a": "b"])
    #expect(record.released(at: time).put(into: lease)["spec", "holderIdentity"] == nil)
  }

  @Test("has times with six digits, also before 1970") func times() {
    #expect(MicroTime.text(Date(timeIntervalSince1970: 0.000_001_4)) == "1970-01-01T00:00:00.000001Z")
    #expect(MicroTime.text(Date(timeIntervalSince1970: -0.5)) == "1969-12-31T23:59:59.500000Z")
    #expect(MicroTime.text(Date(timeIntervalSince1970: 1)) == "1970-01-01T00:00:01.000000Z")
  }

  @Test("is not held by times that let two lead at once") func unsafeTiming() {
    #expect(LeaderElection.Timing().isSafe)
    for timing in [
      LeaderElection.Timing(lease: .seconds(10)), .init(renewal: .seconds(2)), .init(lease: .milliseconds(15_500)),
      .init(retry: .zero),
    ] { #expect(!timing.isSafe) }
  }
}
