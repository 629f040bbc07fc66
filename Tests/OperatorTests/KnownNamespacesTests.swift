import Faults
import Testing

@testable import Operator

@Suite("A namespace of the operator's") struct KnownNamespacesTests {
  private let refusal = Fault(.denied, operation: "list pods", reason: "cannot", remedy: "give it the right")

  @Test("is one that it may not follow after 15 s of refusals in a row, until nothing of it is refused") func rows() {
    let known = KnownNamespaces()
    let begin = ContinuousClock.now
    func note(_ refusal: Fault?, _ type: OwnedType, _ seconds: Int) -> Bool {
      known.note(refusal, of: type, in: "a", now: begin + .seconds(seconds))
    }
    // As of an API server that has just started.
    for seconds in [0, 1, 3, 14] { #expect(!note(refusal, .pods, seconds) && known.refusal(in: "a") == nil) }
    #expect(!note(nil, .pods, 14))
    #expect(!note(refusal, .pods, 16) && !note(refusal, .pods, 30) && note(refusal, .pods, 31))
    #expect(known.refusal(in: "a")?.reason == "cannot" && known.refusal(in: "b") == nil)
    // It is told once.
    #expect(!note(refusal, .pods, 50) && !note(nil, .deployments, 50))
    #expect(!note(refusal, .deployments, 51) && note(refusal, .deployments, 70))
    #expect(note(nil, .pods, 71) && known.refusal(in: "a") != nil)
    #expect(note(nil, .deployments, 72) && known.refusal(in: "a") == nil)
    known.insert("a")
    #expect(known.contains("a") && !known.contains("b"))
  }
}
