import Faults
import Rego
import Testing

@testable import Admission

@Suite("What policies are asked about") struct ReviewTests {
  @Test("is an object as the API server would read it") func object() throws {
    let review = try Policies.review(
      """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: shop}
      spec: {replicas: 1.0, ratio: 0.5, on: yes, large: 1e3, text: "1"}
      """)
    #expect(review.kind == GroupVersionKind(group: "apps", version: "v1", kind: "Deployment"))
    #expect(review.title == "Deployment shop/web" && review.operation == "" && review.uid == "")
    let json = review.request.json
    #expect(json.contains(#""spec":{"large":1000,"on":true,"ratio":0.5,"replicas":1,"text":"1"}"#), "\(json)")
    #expect(json.contains(#""kind":{"group":"apps","kind":"Deployment","version":"v1"}"#))
  }

  @Test("is what an AdmissionReview asks, and of a DELETE what is deleted") func admissionReview() throws {
    func review(_ request: String) throws -> Review {
      try Policies.review(#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":\#(request)}"#)
    }
    let deletion = try review(
      #"{"uid":"7","operation":"DELETE","oldObject":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}},"object":null}"#
    )
    #expect(deletion.uid == "7" && deletion.kind.kind == "Pod" && deletion.name == "a")
    #expect(deletion.request["object", "metadata", "name"]?.text == "a")
    #expect(throws: Fault.self) { try review(#"{"operation":"DELETE","kind":{"kind":"Pod"}}"#) }
    #expect(throws: Fault.self) { try review(#"{"operation":"CREATE"}"#) }
    #expect(throws: Fault.self) { try review("null") }
    #expect(throws: Fault.self) { try review(#"{"operation":"CREATE","kind":{"kind":"Pod"}}"#) }
  }

  @Test("are the items of a list, and every document of a text") func lists() throws {
    let text = Policies.pod + "\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node}\n- {kind: X}\n"
    let objects = try ObjectText.parse(text, source: "o.yaml")
    #expect(objects.map { $0.value["kind"]?.text } == ["Pod", "Node", "X"])
    #expect(objects.last?.place == "o.yaml:6 items[1]")
    #expect(throws: Fault.self) { _ = try Review.of(objects[2].value) }
  }

  @Test(
    "is refused when it is no text of objects", arguments: ["a: b: c", "{\"a\": ", "[1", "\u{0}", "a: &x 1\nb: *x"])
  func noText(text: String) { #expect(throws: Fault.self) { _ = try ObjectText.parse(text, source: "o") } }
}
