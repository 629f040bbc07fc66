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
          group.cancelAll()
        }
      }
    }
  }

  @Suite("elects a leader:") struct Elections {
    private static let timing = LeaderElection.Timing(
      lease: .seconds(4), renewal: .seconds(3), retry: .milliseconds(500))

    private func election(_ client: KubernetesClient, _ namespace: String, _ identity: String) throws -> LeaderElection
    {
      try LeaderElection(
        client, namespace: namespace, name: "leader", identity: identity, timing: Self.timing, logger: client.logger)
    }

    @Test("one of two works, and the other as soon as the first has stopped in order") func handover() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let log = WorkLog()
        let first = Task { try await self.election(client, namespace, "first").run { try await log.work("first") } }
        try await log.wait { $0 == ["first begins"] }
        let second = Task { try await self.election(client, namespace, "second").run { try await log.work("second") } }
        let lease = try await client.get(.leases, "leader", namespace: namespace)
        #expect(lease["spec", "holderIdentity"] == "first" && lease["spec", "leaseDurationSeconds"] == 4)
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        try await log.wait { $0 == ["first begins", "first ends", "second begins"] }
        let taken = try await client.get(.leases, "leader", namespace: namespace)
        #expect(taken["spec", "holderIdentity"] == "second" && taken["spec", "leaseTransitions"] == 1)
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        let free = try await client.get(.leases, "leader", namespace: namespace)
        #expect(free["spec", "holderIdentity"]?.string ?? "" == "")
      }
    }

    @Test("the lease of one that was killed is taken when it has run out, not before") func killed() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        // A holder that will never renew: as after SIGKILL. Its clock is an hour ahead.
        let later = LeaseRecord.text(Date() + 3_600)
        let record = LeaseRecord(holder: "dead", duration: 4, acquired: later, renewed: later, transitions: 2)
        let lease = KubernetesObject(fields: [
          "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
          "metadata": ["name": "leader", "namespace": .string(namespace)],
        ])
        try await client.create(record.put(into: lease), of: .leases)
        let begun = ContinuousClock.now
        let log = WorkLog()
        let candidate = Task { try await self.election(client, namespace, "next").run { try await log.work("next") } }
        try await log.wait { $0 == ["next begins"] }
        #expect(begun.duration(to: .now) > .seconds(4))
        candidate.cancel()
        await #expect(throws: CancellationError.self) { try await candidate.value }
      }
    }

    @Test("a leader that cannot renew stops its work before another can begin") func cutOff() async throws {
      try await KubernetesServer.withNamespace { server, client, namespace in
        let log = WorkLog()
        let leader = Task { try await self.election(client, namespace, "leader").run { try await log.work("leader") } }
        try await log.wait { $0 == ["leader begins"] }
        let stopped = ContinuousClock.now
        await server.stopAPI()
        try await log.wait { $0 == ["leader begins", "leader ends"] }
        #expect(stopped.duration(to: .now) < .seconds(4))
        try await server.startAPI()
        // It takes up again what nobody else took.
        try await log.wait { $0.last == "leader begins" && $0.count == 3 }
        leader.cancel()
        await #expect(throws: CancellationError.self) { try await leader.value }
      }
    }

    @Test("a leader whose lease another took stops at once") func stolen() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let log = WorkLog()
        let leader = Task { try await self.election(client, namespace, "leader").run { try await log.work("leader") } }
        try await log.wait { $0 == ["leader begins"] }
        try await client.patch(.merge(["spec": ["holderIdentity": "thief"]]), .leases, "leader", namespace: namespace)
        try await log.wait { $0 == ["leader begins", "leader ends"] }
        leader.cancel()
        await #expect(throws: CancellationError.self) { try await leader.value }
        // What is another's is not given back.
        let lease = try await client.get(.leases, "leader", namespace: namespace)
        #expect(lease["spec", "holderIdentity"] == "thief")
      }
    }
  }
}

/// What a reflector told, put together.
private final class Mirror: Sendable {
  private let state = Mutex((objects: [String: String](), breaks: 0))

  func take(_ change: ObjectChange) {
    func value(_ object: KubernetesObject) -> String { object["data", "n"]?.string ?? "" }
    state.withLock { state in
      switch change {
      case .replaced(let objects):
        state.objects = Dictionary(objects.map { ($0.name, value($0)) }) { first, _ in first }
      case .changed(let object): state.objects[object.name] = value(object)
      case .deleted(let object): state.objects[object.name] = nil
      case .interrupted: state.breaks += 1
      }
    }
  }

  func wait(_ isSo: ([String: String]) -> Bool) async throws {
    while !isSo(state.withLock { $0.objects }) { try await Task.sleep(for: .milliseconds(20)) }
  }

  func waitForBreak() async throws {
    while state.withLock({ $0.breaks }) == 0 { try await Task.sleep(for: .milliseconds(20)) }
  }
}

/// When work began and ended.
private final class WorkLog: Sendable {
  private let lines = Mutex<[String]>([])

  func work(_ name: String) async throws {
    lines.withLock { $0.append("\(name) begins") }
    defer { lines.withLock { $0.append("\(name) ends") } }
    try await Task.sleep(for: .seconds(600))
  }

  func wait(_ isSo: ([String]) -> Bool) async throws {
    while !isSo(lines.withLock { $0 }) { try await Task.sleep(for: .milliseconds(20)) }
  }
}
