import Faults
import Foundation
import JSONValues
import TestSupport
import Testing

@testable import KubernetesAPI

extension RealServer {
  @Suite("keeps objects:") struct Objects {
    @Test("one is made, read, changed and deleted") func life() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let made = try await client.create(.configMap("a", in: namespace, ["k": "v"]), of: .configMaps)
        #expect(made.uid != nil && made["metadata", "managedFields"] == nil)
        let again = await #expect(throws: Fault.self) {
          try await client.create(.configMap("a", in: namespace), of: .configMaps)
        }
        #expect(again?.code == .alreadyExists)
        var read = try await client.get(.configMaps, "a", namespace: namespace)
        #expect(read == made)
        read.fields["data"] = ["k": "w"]
        let replaced = try await client.replace(read, of: .configMaps)
        let stale = await #expect(throws: Fault.self) { try await client.replace(read, of: .configMaps) }
        #expect(stale?.code == .conflict && replaced["data", "k"] == "w")
        let merged = try await client.patch(
          .merge(["data": ["k": .null, "l": "m"]]), .configMaps, "a", namespace: namespace)
        #expect(merged["data"] == ["l": "m"])
        let patched = try await client.patch(
          .json([["op": "add", "path": "/data/x", "value": "y"]]), .configMaps, "a", namespace: namespace)
        #expect(patched["data"] == ["l": "m", "x": "y"])
        let failing = await #expect(throws: Fault.self) {
          try await client.patch(
            .json([["op": "test", "path": "/data/x", "value": "z"]]), .configMaps, "a", namespace: namespace)
        }
        #expect(failing?.code == .invalid)
        try await client.delete(.configMaps, "a", namespace: namespace)
        let gone = await #expect(throws: Fault.self) { try await client.get(.configMaps, "a", namespace: namespace) }
        #expect(gone?.code == .notFound && gone?.operation == "get configmaps \(namespace)/a")
      }
    }

    @Test("what is applied is made, changed, and taken back field by field") func apply() async throws {
      try await KubernetesServer.withNamespace(manager: "lobstack") { server, client, namespace in
        try await client.apply(.configMap("a", in: namespace, ["ours": "1", "gone": "2"]), of: .configMaps)
        let applied = try await client.apply(.configMap("a", in: namespace, ["ours": "3"]), of: .configMaps)
        #expect(applied["data"] == ["ours": "3"])
        try await KubernetesClient.with(server.configuration(), fieldManager: "somebody") { other in
          try await other.apply(.configMap("a", in: namespace, ["theirs": "4"]), of: .configMaps)
          let conflict = await #expect(throws: Fault.self) {
            try await other.apply(.configMap("a", in: namespace, ["ours": "5"]), of: .configMaps)
          }
          #expect(conflict?.code == .conflict)
          #expect(conflict?.reason.contains(".data.ours") == true && conflict?.reason.contains("lobstack") == true)
          let forced = try await other.apply(
            .configMap("a", in: namespace, ["ours": "5"]), of: .configMaps, force: true)
          #expect(forced["data"] == ["ours": "5"])
        }
      }
    }

    @Test("a dry run changes nothing, and unknown fields are refused unless they are let pass") func dryRun()
      async throws
    {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let map = KubernetesObject.configMap("dry", in: namespace, ["a": "b"])
        let told = try await client.apply(map, of: .configMaps, WriteOptions(isDryRun: true))
        #expect(told.uid != nil)
        try await client.create(map, of: .configMaps, WriteOptions(isDryRun: true))
        let absent = await #expect(throws: Fault.self) {
          try await client.get(.configMaps, "dry", namespace: namespace)
        }
        #expect(absent?.code == .notFound)
        var wrong = map
        wrong.fields["dada"] = ["a": "b"]
        let strict = await #expect(throws: Fault.self) { try await client.create(wrong, of: .configMaps) }
        #expect(strict?.code == .invalid && strict?.reason.contains("dada") == true)
        try await client.create(wrong, of: .configMaps, WriteOptions(validation: .ignore))
        try await client.delete(.configMaps, "dry", namespace: namespace, Deletion(isDryRun: true))
        _ = try await client.get(.configMaps, "dry", namespace: namespace)
      }
    }

    @Test("a delete that means another object, or another state, is refused") func preconditions() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let made = try await client.create(.configMap("a", in: namespace), of: .configMaps)
        for deletion in [Deletion(uid: "00000000-0000-0000-0000-000000000000"), Deletion(resourceVersion: "1")] {
          let fault = await #expect(throws: Fault.self) {
            try await client.delete(.configMaps, "a", namespace: namespace, deletion)
          }
          #expect(fault?.code == .conflict)
        }
        try await client.delete(
          .configMaps, "a", namespace: namespace, Deletion(uid: made.uid, resourceVersion: made.resourceVersion))
        try await client.create(.configMap("b", in: namespace), of: .configMaps)
        try await client.deleteAll(.configMaps, namespace: namespace, .everything)
        #expect(try await client.list(.configMaps, namespace: namespace).objects.isEmpty)
      }
    }

    @Test("an object with a finalizer is deleted once that is gone") func finalizer() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        var map = KubernetesObject.configMap("a", in: namespace)
        map.finalizers = ["lobstack.dev/test"]
        try await client.create(map, of: .configMaps)
        try await client.delete(.configMaps, "a", namespace: namespace)
        var going = try await client.get(.configMaps, "a", namespace: namespace)
        #expect(going.isBeingDeleted)
        going.finalizers = []
        try await client.replace(going, of: .configMaps)
        await #expect(throws: Fault.self) { try await client.get(.configMaps, "a", namespace: namespace) }
      }
    }

    @Test("a type that it does not have is told apart from an object that is not there") func absentTypes() async throws
    {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let gateways = ResourceType(group: "networking.istio.io", plural: "gateways")
        let fault = await #expect(throws: Fault.self) { try await client.list(gateways, namespace: namespace) }
        #expect(fault?.code == .unsupported)
        #expect(fault?.reason == "the cluster does not serve gateways.networking.istio.io in version v1")
        #expect(try await client.serves(gateways) == false)
        #expect(try await client.serves(ResourceType(plural: "configmaps")))
        #expect(try await client.serves(ResourceType(plural: "nothings")) == false)
        let types = try await client.servedTypes(group: "coordination.k8s.io", version: "v1")
        #expect(types.first { $0.plural == "leases" }?.kind == "Lease")
        #expect(try await client.text(at: "/version").contains("gitVersion"))
        let nowhere = await #expect(throws: Fault.self) {
          try await client.create(.configMap("a", in: "no-such-namespace"), of: .configMaps)
        }
        #expect(nowhere?.code == .notFound && nowhere?.remedy == "make the namespace first")
      }
    }

    @Test("a new type is installed, checked, and has a status of its own") func definition() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let group = "\(namespace).example.com"
        let schema: JSON = [
          "type": "object",
          "properties": [
            "spec": [
              "type": "object", "properties": ["size": ["type": "integer", "minimum": 1]], "required": ["size"],
            ],
            "status": ["type": "object", "properties": ["phase": ["type": "string"]]],
          ],
        ]
        let definition = KubernetesObject(fields: [
          "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
          "metadata": ["name": "things.\(group)"],
          "spec": [
            "group": .string(group), "scope": "Namespaced", "names": ["plural": "things", "kind": "Thing"],
            "versions": [
              [
                "name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema],
                "subresources": ["status": [:]],
              ]
            ],
          ],
        ])
        try await client.apply(definition, of: .definitions)
        let things = ResourceType(group: group, plural: "things")
        while try await !client.serves(things) { try await Task.sleep(for: .milliseconds(50)) }
        func thing(_ fields: [String: JSON]) -> KubernetesObject {
          KubernetesObject(
            fields: [
              "apiVersion": .string("\(group)/v1"), "kind": "Thing",
              "metadata": ["name": "a", "namespace": .string(namespace)],
            ].merging(fields) { $1 })
        }
        for (fields, word) in [
          (["spec": ["size": 0]], "spec.size"), (["spec": [:]], "spec.size"), (["spec": ["size": 1, "x": 2]], "x"),
        ]
          as [([String: JSON], String)]
        {
          let fault = await #expect(throws: Fault.self) { try await client.apply(thing(fields), of: things) }
          #expect(fault?.code == .invalid && fault?.reason.contains(word) == true, "\(fault.map { "\($0)" } ?? "")")
        }
        let made = try await client.apply(thing(["spec": ["size": 2]]), of: things)
        #expect(made.generation == 1)
        let status = try await client.apply(thing(["status": ["phase": "Running"]]), of: things, subresource: "status")
        #expect(status["status", "phase"] == "Running" && status["spec", "size"] == 2 && status.generation == 1)
        let patched = try await client.patch(
          .merge(["status": ["phase": "Failed"]]), things, "a", namespace: namespace, subresource: "status")
        #expect(patched["status", "phase"] == "Failed")
        #expect(try await client.list(things).objects.map(\.kind) == ["Thing"])
        try await client.delete(.definitions, "things.\(group)")
      }
    }
  }

  @Suite("knows who asks:") struct Identities {
    @Test("who has no right is told which one is missing, and gets it by a role") func forbidden() async throws {
      try await KubernetesServer.withNamespace { server, admin, namespace in
        try await KubernetesClient.with(server.configuration(user: "eve")) { eve in
          let fault = await #expect(throws: Fault.self) { try await eve.list(.configMaps, namespace: namespace) }
          #expect(fault?.code == .denied)
          #expect(fault?.reason.contains(#"User "eve" cannot list resource "configmaps""#) == true)
          #expect(fault?.remedy == "give that user the right by a Role and a RoleBinding")
          try await admin.allow(
            "eve", [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]]], in: namespace)
          // The authorizer learns of it by a watch of its own.
          while (try? await eve.list(.configMaps, namespace: namespace)) == nil {
            try await Task.sleep(for: .milliseconds(20))
          }
          let other = await #expect(throws: Fault.self) {
            try await eve.get(.configMaps, "a", namespace: namespace)
          }
          #expect(other?.code == .denied)
        }
      }
    }

    @Test("a certificate that is over, a wrong token and nobody are refused, and say why") func unauthenticated()
      async throws
    {
      let server = try #require(KubernetesServer.ofSuite)
      try await server.certificate("expired", subject: "/O=system:masters/CN=late", days: -1)
      var configuration = try server.configuration()
      configuration.credentials.certificate = .init(
        chain: .file("\(server.directory)/expired.crt"), key: .file("\(server.directory)/expired.key"))
      let expired = await #expect(throws: Fault.self) {
        try await KubernetesClient.with(configuration) { try await $0.list(.namespaces) }
      }
      #expect(expired?.code == .unauthenticated && expired?.reason.contains("expired") == true)
      configuration.credentials = CredentialSource(token: .inline(SecretBytes(Array("wrong".utf8))))
      let wrong = await #expect(throws: Fault.self) {
        try await KubernetesClient.with(configuration) { try await $0.list(.namespaces) }
      }
      #expect(wrong?.code == .unauthenticated && wrong?.description.contains("wrong") == false)
      configuration.credentials = CredentialSource()
      let nobody = await #expect(throws: Fault.self) {
        try await KubernetesClient.with(configuration) { try await $0.list(.namespaces) }
      }
      #expect(nobody?.code == .denied && nobody?.reason.contains("system:anonymous") == true)
    }
  }
}
