import Faults
import Foundation
import JSONValues
import Synchronization
import TestSupport
import Testing

@testable import KubernetesAPI

extension RealServer {
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
        let later = MicroTime.text(Date() + 3_600)
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

    @Test("a leader that cannot renew stops its work before another begins") func cutOff() async throws {
      try await KubernetesServer.withNamespace { server, admin, namespace in
        try await KubernetesClient.with(server.configuration(user: "operator")) { client in
          try await admin.allow(
            "operator", [["apiGroups": ["*"], "resources": ["leases"], "verbs": ["*"]]], in: namespace)
          let log = WorkLog()
          let leader = Task {
            try await self.election(client, namespace, "leader").run { try await log.work("leader") }
          }
          try await log.wait { $0 == ["leader begins"] }
          let second = Task { try await self.election(admin, namespace, "second").run { try await log.work("second") } }
          try await admin.delete(.roleBindings, "operator", namespace: namespace)
          try await log.wait { $0 == ["leader begins", "leader ends", "second begins"] }
          for task in [leader, second] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
          }
        }
      }
    }

    @Test("a leader that was cancelled leads until its work has stopped, however long that takes") func slowStop()
      async throws
    {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let log = WorkLog()
        let first = Task {
          try await self.election(client, namespace, "first").run {
            try? await log.work("first")
            // Longer than the lease lasts, and deaf to cancellation.
            await Task { try? await Task.sleep(for: .seconds(5)) }.value
            log.add("first stopped")
          }
        }
        try await log.wait { $0 == ["first begins"] }
        let second = Task { try await self.election(client, namespace, "second").run { try await log.work("second") } }
        first.cancel()
        try await log.wait { $0 == ["first begins", "first ends", "first stopped", "second begins"] }
        try await first.value
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
      }
    }

    @Test("of many that want to lead one does at a time, and each in the end") func many() async throws {
      try await KubernetesServer.withNamespace { _, client, namespace in
        let log = WorkLog()
        let timing = LeaderElection.Timing(lease: .seconds(4), renewal: .seconds(3), retry: .milliseconds(50))
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<6 {
            group.addTask {
              let election = try LeaderElection(
                client, namespace: namespace, name: "leader", identity: "\(number)", timing: timing,
                logger: client.logger)
              try await election.run {
                log.add("\(number) begins")
                try await Task.sleep(for: .milliseconds(60))
                log.add("\(number) ends")
              }
            }
          }
          try await group.waitForAll()
        }
        let words = log.all.map { $0.split(separator: " ") }
        #expect(Set(words.map(\.first)).count == 6 && words.count == 12)
        // Whoever begins is the next to end.
        for index in stride(from: 0, to: words.count, by: 2) {
          #expect(words[index].last == "begins" && words[index + 1] == [words[index][0], "ends"])
        }
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

/// When work began and ended.
private final class WorkLog: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func add(_ line: String) { lines.withLock { $0.append(line) } }

  func work(_ name: String) async throws {
    add("\(name) begins")
    defer { add("\(name) ends") }
    try await Task.sleep(for: .seconds(600))
  }

  func wait(_ isSo: ([String]) -> Bool) async throws {
    while !isSo(all) { try await Task.sleep(for: .milliseconds(20)) }
  }
}
