import Faults
import Foundation
import JSONValues
import Synchronization
import TestSupport
import Testing

@testable import KubernetesAPI

extension RealServer {
  @Suite("tells of many objects:") struct Watches {
    /// Makes config maps, some at the same time.
    private func make(_ count: Int, in namespace: String, _ client: KubernetesClient) async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for lane in 0..<16 {
          group.addTask {
            for number in stride(from: lane, to: count, by: 16) {
              try await client.create(.configMap("m-\(number)", in: namespace, ["n": "\(number)"]), of: .configMaps)
            }
          }
        }
        try await group.waitForAll()
      }
    }

    @Test("a list of 1,200 comes in pages, and begins anew when etcd has forgotten it") func paging() async throws {
      try await KubernetesServer.withNamespace { server, client, namespace in
        try await make(1_200, in: namespace, client)
        var sizes: [Int] = []
        try await client.pages(of: .configMaps, namespace: namespace, size: 500) { sizes.append($0.objects.count) }
        #expect(sizes == [500, 500, 200])
        let list = try await client.list(.configMaps, namespace: namespace)
        #expect(Set(list.objects.map(\.name)).count == 1_200)
        #expect(list.objects.allSatisfy { $0.kind == "ConfigMap" && $0.apiVersion == "v1" })
        let some = try await client.list(.configMaps, namespace: namespace, Selection(fields: "metadata.name=m-7"))
        #expect(some.objects.map(\.name) == ["m-7"])
        var firsts: [Bool] = []
        var names: Set<String> = []
        try await client.pages(of: .configMaps, namespace: namespace, size: 500) { page in
          if page.isFirst { names = [] }
          firsts.append(page.isFirst)
          names.formUnion(page.objects.map(\.name))
          guard firsts.count == 1 else { return }
          try await client.patch(.merge(["data": ["n": "x"]]), .configMaps, "m-0", namespace: namespace)
          try await server.compact()
        }
        #expect(firsts == [true, true, false, false])
        #expect(names.count == 1_200)
      }
    }

    @Test("a watch tells each change in order, and ends when its time is over") func watch() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let version = try await client.list(.configMaps, namespace: namespace).resourceVersion
        try await client.create(.configMap("a", in: namespace, ["k": "1"]), of: .configMaps)
        try await client.apply(.configMap("a", in: namespace, ["k": "2"]), of: .configMaps, force: true)
        try await client.delete(.configMaps, "a", namespace: namespace)
        let seen = Mutex<[String]>([])
        try await client.watch(.configMaps, namespace: namespace, from: version, life: .seconds(2)) { event in
          let text =
            switch event {
            case .added(let object): "added \(object["data", "k"]?.string ?? "")"
            case .modified(let object): "modified \(object["data", "k"]?.string ?? "")"
            case .deleted(let object): "deleted \(object["data", "k"]?.string ?? "")"
            case .bookmark: "bookmark"
            }
          seen.withLock { $0.append(text) }
        }
        #expect(seen.withLock { $0 }.filter { $0 != "bookmark" } == ["added 1", "modified 2", "deleted 2"])
      }
    }

    @Test("a watch from a state that etcd has forgotten has expired") func compaction() async throws {
      try await KubernetesServer.withNamespace { server, client, namespace in
        let version = try await client.list(.configMaps, namespace: namespace).resourceVersion
        for number in 0..<5 { try await client.create(.configMap("m-\(number)", in: namespace), of: .configMaps) }
        try await server.compact()
        let fault = await #expect(throws: Fault.self) {
          try await client.watch(.configMaps, namespace: namespace, from: version) { _ in }
        }
        #expect(fault?.code == .expired)
      }
    }

    @Test("a reflector is right after the server was away, and what was deleted meanwhile is gone") func reflector()
      async throws
    {
      try await KubernetesServer.withNamespace { server, client, namespace in
        try await make(40, in: namespace, client)
        let mirror = Mirror()
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            await Reflector(client, .configMaps, namespace: namespace).run { mirror.take($0) }
          }
          try await mirror.wait { $0.count == 40 }
          try await client.delete(.configMaps, "m-0", namespace: namespace)
          try await client.apply(.configMap("m-1", in: namespace, ["n": "new"]), of: .configMaps, force: true)
          try await mirror.wait { $0.count == 39 && $0["m-1"] == "new" }
          await server.stopAPI()
          try await mirror.waitForBreak()
          try await server.startAPI()
          try await client.delete(.configMaps, "m-2", namespace: namespace)
          try await server.compact()
          try await client.create(.configMap("last", in: namespace, ["n": "z"]), of: .configMaps)
          try await mirror.wait { $0.count == 39 && $0["last"] == "z" && $0["m-2"] == nil }
          // Nothing happens while it is away now, nor after: that is told, too.
          await server.stopAPI()
          try await mirror.waitForBreak()
          try await server.startAPI()
          try await mirror.waitUntilCurrent()
          group.cancelAll()
        }
      }
    }
  }
}

/// What a reflector told, put together.
private final class Mirror: Sendable {
  private let state = Mutex((objects: [String: String](), isBroken: false))

  func take(_ change: ObjectChange) {
    func value(_ object: KubernetesObject) -> String { object["data", "n"]?.string ?? "" }
    state.withLock { state in
      state.isBroken = false
      switch change {
      case .replaced(let objects):
        state.objects = Dictionary(objects.map { ($0.name, value($0)) }) { first, _ in first }
      case .changed(let object): state.objects[object.name] = value(object)
      case .deleted(let object): state.objects[object.name] = nil
      case .interrupted: state.isBroken = true
      case .current: break
      }
    }
  }

  func wait(_ isSo: ([String: String]) -> Bool) async throws {
    while !isSo(state.withLock { $0.objects }) { try await Task.sleep(for: .milliseconds(20)) }
  }

  func waitForBreak() async throws {
    while !state.withLock({ $0.isBroken }) { try await Task.sleep(for: .milliseconds(20)) }
  }

  func waitUntilCurrent() async throws {
    while state.withLock({ $0.isBroken }) { try await Task.sleep(for: .milliseconds(20)) }
  }
}
