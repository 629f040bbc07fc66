import Faults
import Testing

@testable import Operator

@Suite("A namespace of the operator's") struct KnownNamespacesTests {
  private let refusal = Fault(.denied, operation: "list pods", reason: "cannot", remedy: "give it the right")

  @Test("is one that it may not follow from the second refusal in a row on, until nothing of it is refused") func rows()
  {
    let known = KnownNamespaces()
    #expect(!known.note(refusal, of: .pods, in: "a") && known.refusal(in: "a") == nil)
    #expect(!known.note(nil, of: .pods, in: "a"))
    #expect(!known.note(refusal, of: .pods, in: "a") && known.note(refusal, of: .pods, in: "a"))
    #expect(known.refusal(in: "a")?.reason == "cannot" && known.refusal(in: "b") == nil)
    // It is told once.
    #expect(!known.note(refusal, of: .pods, in: "a") && !known.note(nil, of: .deployments, in: "a"))
    #expect(known.note(refusal, of: .deployments, in: "a") == false && known.note(refusal, of: .deployments, in: "a"))
    #expect(known.note(nil, of: .pods, in: "a") && known.refusal(in: "a") != nil)
    #expect(known.note(nil, of: .deployments, in: "a") && known.refusal(in: "a") == nil)
    known.insert("a")
    #expect(known.contains("a") && !known.contains("b"))
  }
}
