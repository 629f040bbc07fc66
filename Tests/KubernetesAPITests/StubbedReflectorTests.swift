import Faults
import Testing

@testable import KubernetesAPI

@Suite("A reflector, of a server that fails,", .timeLimit(.minutes(1))) struct StubbedReflectorTests {
  @Test("goes on from the last state, lists anew when that is gone, and tells of breaks") func resumes() async throws {
    @Sendable func line(_ type: String, _ name: String, _ version: Int) -> String {
      #"{"type":"\#(type)","object":\#(configMap(name, version: version))}"# + "\n"
    }
    let gone = #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"# + "\n"
    try await APIServerStub.with { number, _ in
      switch number {
      case 0: configMapList(["a"], version: 10)
      case 1:
        APIServerStub.Answer(pieces: [line("MODIFIED", "a", 11), line("BOOKMARK", "", 15), "{\"ty"], breaks: true)
      case 2, 4: configMapList(["a"], version: 16)
      case 3: APIServerStub.Answer(pieces: [line("DELETED", "a", 17), "{\"ty"], breaks: true)
      case 5: APIServerStub.Answer(pieces: [line("BOOKMARK", "", 19), line("BOOKMARK", "", 20)])
      case 6: APIServerStub.Answer(pieces: [gone])
      case 7: configMapList(["b"], version: 30)
      default: .status(403, "Forbidden")
      }
    } _: { stub in
      try await stub.client { client in
        let told = AsyncStream<String>.makeStream()
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            var reflector = Reflector(client, configMaps, watchLife: .seconds(60))
            reflector.pauses = BackOff(first: .milliseconds(10), longest: .milliseconds(10))
            await reflector.run { change in
              switch change {
              case .replaced(let objects): told.continuation.yield("all " + objects.map(\.name).joined(separator: ","))
              case .changed(let object): told.continuation.yield("changed \(object.name)")
              case .deleted(let object): told.continuation.yield("deleted \(object.name)")
              case .interrupted(let fault): told.continuation.yield("interrupted \(fault.code)")
              case .current: told.continuation.yield("current")
              }
            }
          }
          var seen: [String] = []
          for await word in told.stream {
            seen.append(word)
            if seen.count == 8 { break }
          }
          group.cancelAll()
          #expect(
            seen == [
              "all a", "changed a", "interrupted unavailable", "deleted a", "interrupted unavailable", "current",
              "all b", "interrupted denied",
            ])
        }
        let requests = stub.requests.prefix(9)
        let versions = requests.map { $0.uri.firstMatch(of: /resourceVersion=([0-9]*)/)?.1 ?? "list" }
        #expect(versions == ["list", "10", "list", "15", "list", "17", "20", "list", "30"])
        // A short one after each break: it is not long until it ends in order, and tells by that that nothing was missed.
        let lives = requests.compactMap { $0.uri.firstMatch(of: /timeoutSeconds=([0-9]*)/)?.1 }
        #expect(lives == ["60", "2", "2", "60", "60"])
      }
    }
  }

  @Test("takes nothing for current of a server that keeps up watches and answers no list, as one without its etcd")
  func cutOff() async throws {
    try await APIServerStub.with { number, request in
      if number == 0 { return configMapList(["a"], version: 10) }
      if number == 1 { return APIServerStub.Answer(pieces: ["{\"ty"], breaks: true) }
      if request.uri.contains("watch=true") { return APIServerStub.Answer(pieces: []) }
      return .status(500, "InternalError")
    } _: { stub in
      try await stub.client { client in
        let told = AsyncStream<ObjectChange>.makeStream()
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            var reflector = Reflector(client, configMaps, watchLife: .seconds(60))
            reflector.pauses = BackOff(first: .milliseconds(10), longest: .milliseconds(10))
            await reflector.run { told.continuation.yield($0) }
          }
          var breaks = 0
          for await change in told.stream {
            if case .interrupted = change { breaks += 1 }
            if case .current = change { Issue.record("it is not current") }
            if breaks == 3 { break }
          }
          group.cancelAll()
        }
        #expect(stub.requests.count { $0.uri.contains("watch=true") } == 1)
      }
    }
  }

  @Test("asks less and less often for as long as it is away, though the last watch had told something")
  func away() async throws {
    try await APIServerStub.with { number, request in
      if number == 0 { return configMapList(["a"], version: 10) }
      let line = #"{"type":"BOOKMARK","object":\#(configMap("", version: 15))}"# + "\n"
      return number == 1 ? APIServerStub.Answer(pieces: [line, "{\"ty"], breaks: true) : .status(500, "InternalError")
    } _: { stub in
      try await stub.client(patience: .zero) { client in
        let told = AsyncStream<ObjectChange>.makeStream()
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            var reflector = Reflector(client, configMaps, watchLife: .seconds(60))
            reflector.pauses = BackOff(first: .milliseconds(20), longest: .seconds(60))
            await reflector.run { told.continuation.yield($0) }
          }
          var breaks: [ContinuousClock.Instant] = []
          for await change in told.stream {
            if case .interrupted = change { breaks.append(.now) }
            if breaks.count == 6 { break }
          }
          group.cancelAll()
          // 20, 40, 80, 160 and 320 ms at least.
          #expect(breaks[0].duration(to: breaks[5]) >= .milliseconds(620))
        }
        // The first list, and one for each pause.
        #expect(stub.requests.count { !$0.uri.contains("watch=true") } == 6)
      }
    }
  }
}
