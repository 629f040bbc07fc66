import Faults
import Foundation
import JSONValues
import NIOCore
import SeededRandom
import Testing

@testable import KubernetesAPI

@Suite("An object of the API") struct ObjectTests {
  private func object(_ text: String) throws -> KubernetesObject { try KubernetesObject(Array(text.utf8)) }

  @Test("tells its metadata, and takes others") func metadata() throws {
    var object = try object(
      #"""
      {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7",
      "generation":3,"labels":{"x":"y"},"annotations":{"k":"v"},"finalizers":["f/g"],"deletionTimestamp":"2026-01-01T00:00:00Z",
      "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"pu","controller":true}],
      "managedFields":[{"manager":"m","fieldsV1":{"f:a]":"}\""}}]},"spec":{"managedFields":[1]}}
      """#)
    #expect((object.apiVersion, object.kind) == ("apps/v1", "Deployment"))
    #expect((object.name, object.namespace, object.uid, object.resourceVersion) == ("a", "n", "u", "7"))
    #expect(object.generation == 3 && object.labels == ["x": "y"] && object.annotations == ["k": "v"])
    #expect(object.finalizers == ["f/g"] && object.isBeingDeleted)
    #expect(object.ownerReferences.map(\.uid) == ["pu"])
    #expect(object["metadata", "managedFields"] == nil && object["spec", "managedFields"] == [1])
    object.finalizers = []
    object.labels = ["a": "b"]
    object.resourceVersion = nil
    object.ownerReferences = [OwnerReference(controller: object)]
    #expect(object["metadata", "finalizers"] == nil && object["metadata", "resourceVersion"] == nil)
    #expect(object["metadata", "labels"] == ["a": "b"])
    #expect(
      object["metadata", "ownerReferences"] == [
        [
          "apiVersion": "apps/v1", "kind": "Deployment", "name": "a", "uid": "u", "controller": true,
          "blockOwnerDeletion": true,
        ]
      ])
  }

  @Test("is made of a typed document, and becomes one") func documents() throws {
    struct Map: Codable, Equatable {
      struct Metadata: Codable, Equatable { var name: String }
      var apiVersion = "v1"
      var kind = "ConfigMap"
      var metadata: Metadata
      var data: [String: String]
    }
    let map = Map(metadata: .init(name: "a"), data: ["k": "v"])
    let object = try KubernetesObject(encoding: map)
    #expect(object.name == "a" && object["data", "k"] == "v")
    #expect(try object.decoded(as: Map.self) == map)
    let encoded = try JSONEncoder().encode(object)
    #expect(try JSONDecoder().decode(KubernetesObject.self, from: encoded) == object)
  }

  @Test("of a list has the kind and version of the list, if it tells none") func lists() throws {
    let text = """
      {"items":[{"metadata":{"name":"a"}},{"kind":"Odd","metadata":{"name":"b"}}],"kind":"ConfigMapList","apiVersion":"v1",
      "metadata":{"resourceVersion":"12","continue":"abc","remainingItemCount":3}}
      """
    let page = try ObjectPage(Array(text.utf8))
    #expect(page.objects.map(\.kind) == ["ConfigMap", "Odd"])
    #expect(page.objects[0].apiVersion == "v1")
    #expect(page.resourceVersion == "12" && page.continuation == "abc")
    let empty = try ObjectPage(Array(#"{"kind":"PodList","items":null,"metadata":{"resourceVersion":"1"}}"#.utf8))
    #expect(empty.objects.isEmpty && empty.continuation.isEmpty)
  }

  @Test("of a watch comes with what happened to it") func watchLines() throws {
    func line(_ text: String) throws -> WatchLine { try WatchLine(Array(text.utf8)) }
    let object = KubernetesObject(fields: ["metadata": ["name": "a", "resourceVersion": "5"]])
    let json = #"{"metadata":{"name":"a","resourceVersion":"5"}}"#
    #expect(try line(#"{"type":"ADDED","object":\#(json)}"#) == .event(.added(object)))
    #expect(try line(#"{"object":\#(json),"type":"MODIFIED"}"#) == .event(.modified(object)))
    #expect(try line(#"{"type":"DELETED","object":\#(json)}"#) == .event(.deleted(object)))
    #expect(try line(#"{"type":"BOOKMARK","object":\#(json)}"#) == .event(.bookmark("5")))
    #expect(try line(#"{"type":"LATER","object":{}}"#) == .unknown)
    let error = try line(#"{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"old"}}"#)
    #expect(error == .failure(APIStatus(code: 410, reason: "Expired", message: "old")))
    #expect(throws: JSONError.self) { try line(#"{"type":"ADDED","obj"#) }
  }
}

@Suite("A path of the API") struct ResourcePathTests {
  private let roles = ResourceType(group: "rbac.authorization.k8s.io", plural: "clusterroles", isNamespaced: false)

  @Test("is that of the type, the namespace and the name") func paths() throws {
    let pods = ResourceType(plural: "pods")
    #expect(try ResourcePath(pods, namespace: nil).text() == "/api/v1/pods")
    #expect(try ResourcePath(pods, namespace: "a").text() == "/api/v1/namespaces/a/pods")
    let status = try ResourcePath(.leases, namespace: "a", name: "b", subresource: "status")
    #expect(try status.text() == "/apis/coordination.k8s.io/v1/namespaces/a/leases/b/status")
    #expect(status.label == "status of leases.coordination.k8s.io a/b")
    // A namespace is no part of what lies in none.
    let role = try ResourcePath(roles, namespace: "a", name: "system:node")
    #expect(try role.text() == "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode")
  }

  @Test(
    "cannot lead elsewhere by a name",
    arguments: ["", ".", "..", "a/b", "a%2fb", "../../secrets", "a\nb", String(repeating: "a", count: 254)])
  func hostile(name: String) throws {
    for path in [
      try ResourcePath(roles, namespace: nil, name: name), try ResourcePath(.leases, namespace: name, name: "a"),
    ] {
      let fault = #expect(throws: Fault.self) { try path.text() }
      #expect(fault?.code == .invalid)
    }
    #expect(try ResourcePath(roles, namespace: nil, name: "a?b=c#d é").text().hasSuffix("/a%3Fb%3Dc%23d%20%C3%A9"))
  }

  @Test("of one object in a namespace needs the namespace") func namespaceNeeded() {
    #expect(throws: Fault.self) { try ResourcePath(.leases, namespace: nil, name: "a") }
  }
}

@Suite("The lines of a watch") struct LineSplitterTests {
  @Test("are the same however the stream is cut") func anyPieces() throws {
    var random = SplitMix64(seed: 11)
    for _ in 0..<200 {
      let lines = (0..<Int.random(in: 0...20, using: &random)).map { _ in
        (0..<Int.random(in: 0...200, using: &random)).map { _ in
          let byte = UInt8.random(in: 0...255, using: &random)
          return byte == UInt8(ascii: "\n") ? 0 : byte
        }
      }
      let rest = (0..<Int.random(in: 0...9, using: &random)).map { _ in UInt8(ascii: "x") }
      var stream = lines.flatMap { $0 + [UInt8(ascii: "\n")] } + rest
      var splitter = LineSplitter(longest: 256)
      var found: [[UInt8]] = []
      while !stream.isEmpty {
        let piece = Array(stream.prefix(Int.random(in: 1...64, using: &random)))
        stream.removeFirst(piece.count)
        splitter.append(ByteBuffer(bytes: piece))
        while let line = try splitter.next() { found.append(line) }
      }
      #expect(found == lines)
      #expect(splitter.isWithinLine == !rest.isEmpty)
    }
  }

  @Test("are refused when one is too long, before it has ended", arguments: [false, true]) func tooLong(ends: Bool)
    throws
  {
    var splitter = LineSplitter(longest: 10)
    splitter.append(ByteBuffer(string: "0123456789\n01234567890\(ends ? "\n" : "")"))
    #expect(try splitter.next()?.count == 10)
    #expect(throws: Fault.self) { try splitter.next() }
  }
}
