import Faults
import Foundation
import JSONValues
import NIOHTTP1
import Synchronization
import Testing

@testable import KubernetesAPI

@Suite("The client, of a server that fails,", .timeLimit(.minutes(1))) struct StubbedClientTests {
  @Test("begins a list anew that expired between two pages, and says so") func expiredPage() async throws {
    try await APIServerStub.with { number, _ in
      [
        configMapList(["a", "b"], version: 5, next: "x"), .status(410, "Expired"),
        configMapList(["b"], version: 9, next: "y"),
      ][
        safe: number]
        ?? configMapList(["c"], version: 9)
    } _: { stub in
      try await stub.client { client in
        var seen: [(first: Bool, names: [String])] = []
        let version = try await client.pages(of: configMaps, namespace: "a") { page in
          seen.append((page.isFirst, page.objects.map(\.name)))
        }
        #expect(seen.map(\.first) == [true, true, false])
        #expect(seen.map(\.names) == [["a", "b"], ["b"], ["c"]])
        #expect(version == "9")
      }
      #expect(
        stub.requests.map(\.uri) == [
          "/api/v1/namespaces/a/configmaps?limit=500", "/api/v1/namespaces/a/configmaps?limit=500&continue=x",
          "/api/v1/namespaces/a/configmaps?limit=500", "/api/v1/namespaces/a/configmaps?limit=500&continue=y",
        ])
    }
  }

  @Test("asks for so much of a log and takes no more, whatever it is") func log() async throws {
    try await APIServerStub.with { _, _ in
      APIServerStub.Answer(type: "text/plain", pieces: ["first\n", "second\n"])
    } _: { stub in
      try await stub.client { client in
        let log = try await client.log(of: "bot", namespace: "a", last: .seconds(60), limit: 8)
        #expect(String(decoding: log, as: UTF8.self) == "first\nse")
      }
      #expect(stub.requests.map(\.uri) == ["/api/v1/namespaces/a/pods/bot/log?limitBytes=8&sinceSeconds=60"])
    }
  }

  @Test("gives up a list that always expires") func alwaysExpires() async throws {
    try await APIServerStub.with { _, request in
      request.uri.contains("continue") ? .status(410, "Expired") : configMapList(["a"], version: 5, next: "x")
    } _: { stub in
      let fault = await #expect(throws: Fault.self) { try await stub.client { try await $0.list(configMaps) } }
      #expect(fault?.code == .expired)
    }
  }

  @Test("tells a proxy's page as what it is, whatever its code", arguments: [200, 404, 502])
  func html(code: Int) async throws {
    try await APIServerStub.with { _, _ in
      APIServerStub.Answer(code: code, type: "text/html; charset=utf-8", pieces: ["<h1>Welcome</h1>"])
    } _: { stub in
      let fault = await #expect(throws: Fault.self) {
        try await stub.client(patience: .zero) { try await $0.get(configMaps, "a", namespace: "a") }
      }
      #expect(fault?.reason.contains("HTTP \(code) of type text/html") == true, "\(fault.map { "\($0)" } ?? "")")
    }
  }

  @Test("tells JSON that is cut off, or none") func badJSON() async throws {
    for text in [#"{"kind":"ConfigMap""#, "", "[]"] {
      try await APIServerStub.with { _, _ in
        .json(text)
      } _: { stub in
        let fault = await #expect(throws: Fault.self) {
          try await stub.client { try await $0.get(configMaps, "a", namespace: "a") }
        }
        #expect(fault?.reason.hasSuffix("is not the API's JSON") == true)
      }
    }
  }

  @Test("waits as long as a 429 says, and asks again, for a create too") func tooManyRequests() async throws {
    try await APIServerStub.with { number, _ in
      guard number == 0 else { return .json(configMap("a")) }
      var answer = APIServerStub.Answer.status(429, "TooManyRequests")
      answer.headers = [("Retry-After", "1")]
      return answer
    } _: { stub in
      let begun = ContinuousClock.now
      let object = try KubernetesObject(Array(configMap("a").utf8))
      try await stub.client { _ = try await $0.create(object, of: configMaps) }
      #expect(begun.duration(to: .now) >= .seconds(1))
      #expect(stub.requests.count == 2)
    }
  }

  @Test("does not wait longer than its caller, and says for how long it was to") func impatient() async throws {
    try await APIServerStub.with { _, _ in
      var answer = APIServerStub.Answer.status(429, "TooManyRequests")
      answer.headers = [("Retry-After", "3600")]
      return answer
    } _: { stub in
      let fault = await #expect(throws: Fault.self) {
        try await stub.client { try await $0.get(configMaps, "a", namespace: "a") }
      }
      #expect(fault?.code == .exhausted && fault?.reason.contains("for 3600 s") == true)
      #expect(stub.requests.count == 1)
    }
  }

  @Test("asks again after 500, 502, 503, 504 and a connection that broke; but a create never") func retries()
    async throws
  {
    let answers: [APIServerStub.Answer] = [.status(503, "ServiceUnavailable"), .nothing, .status(500, "InternalError")]
    for answer in answers {
      try await APIServerStub.with { number, _ in
        number == 0 ? answer : .json(configMap("a"))
      } _: { stub in
        let object = try KubernetesObject(Array(configMap("a").utf8))
        try await stub.client { client in
          _ = try await client.apply(object, of: configMaps)
          #expect(stub.requests.count == 2)
        }
      }
      try await APIServerStub.with { _, _ in
        answer
      } _: { stub in
        let object = try KubernetesObject(Array(configMap("a").utf8))
        _ = await #expect(throws: Fault.self) {
          try await stub.client { try await $0.create(object, of: configMaps) }
        }
        #expect(stub.requests.count == 1)
      }
    }
  }

  @Test("knows of a reading that timed out that it may be made again, and of a change that it may have been made")
  func timedOut() async throws {
    try await APIServerStub.with { _, _ in
      .status(504, "Timeout")
    } _: { stub in
      let object = try KubernetesObject(Array(configMap("a").utf8))
      try await stub.client(patience: .zero) { client in
        for (code, remedy, ask) in [
          (Fault.Code.unavailable, "try again", { try await client.get(configMaps, "a", namespace: "n") }),
          (.timedOut, "whether a change was made is not known", { try await client.apply(object, of: configMaps) }),
        ] as [(Fault.Code, String, () async throws -> KubernetesObject)] {
          let fault = await #expect(throws: Fault.self) { try await ask() }
          #expect(fault?.code == code && fault?.remedy.contains(remedy) == true)
        }
      }
    }
  }

  @Test("says of a log that was followed that it came to its limit") func followed() async throws {
    try await APIServerStub.with { _, _ in
      APIServerStub.Answer(pieces: ["half a line"], holds: true)
    } _: { stub in
      let fault = await #expect(throws: Fault.self) {
        try await stub.client { client in
          try await client.logs(
            ofPod: "a", namespace: "n", container: "agent", lines: 1, follow: true, limit: .milliseconds(200)
          ) { _ in
          }
        }
      }
      #expect(fault?.code == .timedOut)
      #expect(stub.requests.count == 1)
    }
  }

  @Test("hands on what came before a line that breaks off") func tornLine() async throws {
    try await APIServerStub.with { _, _ in
      APIServerStub.Answer(
        pieces: [#"{"type":"ADDED","object":\#(configMap("a"))}"# + "\n{\"type\":\"MODI", "FIED\",\"obj"], breaks: true)
    } _: { stub in
      let seen = Mutex<[WatchEvent]>([])
      let fault = await #expect(throws: Fault.self) {
        try await stub.client { client in
          try await client.watch(configMaps, from: "1") { event in seen.withLock { $0.append(event) } }
        }
      }
      #expect(fault?.code == .unavailable)
      let whole = try KubernetesObject(Array(configMap("a").utf8))
      #expect(seen.withLock { $0 } == [.added(whole)])
      #expect(
        stub.requests.map(\.uri) == [
          "/api/v1/configmaps?watch=true&allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=300"
        ])
    }
  }

  @Test("throws what the receiver of a watch throws") func receiverThrows() async throws {
    struct Enough: Error {}
    try await APIServerStub.with { _, _ in
      APIServerStub.Answer(pieces: [#"{"type":"ADDED","object":\#(configMap("a"))}"# + "\n"])
    } _: { stub in
      _ = await #expect(throws: Enough.self) {
        try await stub.client { try await $0.watch(configMaps, from: "1") { _ in throw Enough() } }
      }
    }
  }

  @Test("holds the server back when a receiver is slow") func backPressure() async throws {
    let data = String(repeating: "x", count: 10_000)
    let line = #"{"type":"MODIFIED","object":{"metadata":{"name":"a"},"data":{"a":"\#(data)"}}}"#
    // More than the kernel holds of a connection, of which it tells in net.ipv4.tcp_rmem and tcp_wmem.
    let sent = 1_500
    try await APIServerStub.with { _, _ in
      APIServerStub.Answer(pieces: Array(repeating: line + "\n", count: sent))
    } _: { stub in
      let seen = Mutex(0)
      try await stub.client { client in
        try await client.watch(configMaps, from: "1") { _ in
          let isFirst = seen.withLock {
            $0 += 1
            return $0 == 1
          }
          guard isFirst else { return }
          // Until nothing takes any more.
          var written = -1
          while stub.written != written {
            written = stub.written
            try await Task.sleep(for: .milliseconds(200))
          }
          #expect(written > 0 && written < sent)
        }
      }
      #expect(seen.withLock { $0 } == sent)
    }
  }
}

@Suite("The client", .timeLimit(.minutes(1))) struct ClientIdentityTests {
  @Test("knows the server by the name that its configuration says") func serverName() async throws {
    try await APIServerStub.with { _, _ in
      .json(configMap("a"))
    } _: { stub in
      let named = try stub.configuration(host: "localhost", name: "kubernetes")
      _ = try await stub.client(named) { try await $0.get(configMaps, "a", namespace: "a") }
      #expect(stub.requests.count == 1)
    }
  }

  @Test("speaks to no server of another name, or of another authority") func impostors() async throws {
    let other = try TestCertificate.another
    try await APIServerStub.with { _, _ in
      .json(configMap("a"))
    } _: { stub in
      for configuration in [
        try stub.configuration(host: "localhost"), try stub.configuration(name: "other"),
        try stub.configuration(authority: other),
      ] {
        let fault = await #expect(throws: Fault.self) {
          try await stub.client(configuration) { try await $0.get(configMaps, "a", namespace: "a") }
        }
        #expect(fault?.code == .unavailable)
        #expect(fault?.reason.contains("no certificate that the test trusts") == true, "\(fault.map { "\($0)" } ?? "")")
      }
      #expect(stub.requests.isEmpty)
    }
  }

  @Test("is refused an authority that is no certificate") func badAuthority() {
    let configuration = try? KubernetesConfiguration(
      server: ServerAddress("https://a", operation: "test"), authority: .inline(SecretBytes(Array("hello".utf8))),
      origin: "the test")
    #expect(throws: Fault.self) { try configuration.map { try KubernetesClient($0, fieldManager: "test") } }
  }

  @Test("reads its token anew when the server refuses the old one, once") func rotatedToken() async throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    let file = try directory.write("token", "old\n")
    try await APIServerStub.with { _, request in
      request.headers.first(name: "Authorization") == "Bearer new"
        ? .json(configMap("a")) : .status(401, "Unauthorized")
    } _: { stub in
      let configuration = try stub.configuration(CredentialSource(token: .file(file)))
      try await stub.client(configuration) { client in
        let fault = await #expect(throws: Fault.self) { try await client.get(configMaps, "a", namespace: "a") }
        #expect(fault?.code == .unauthenticated)
        _ = try directory.write("token", "new\n")
        _ = try await client.get(configMaps, "a", namespace: "a")
        // Gone for a moment, as while it is written: the last one serves on.
        try FileManager.default.removeItem(atPath: file)
        _ = try await client.get(configMaps, "a", namespace: "a")
      }
    }
  }

  @Test("asks its program again when a token has ended, and when it is refused") func program() async throws {
    let directory = try TestDirectory()
    defer { directory.remove() }
    let script = """
      #!/bin/sh
      echo x >> \(directory.path)/asked
      echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
      echo "\\"status\\":{\\"token\\":\\"t$(wc -l < \(directory.path)/asked)\\",\\"expirationTimestamp\\":\\"$(cat \(directory.path)/end)\\"}}"
      """
    _ = try directory.write("give", script, executable: true)
    _ = try directory.write("end", "2000-01-01T00:00:00Z")
    var kubeconfig = Kubeconfig()
    try kubeconfig.add(
      """
      current-context: a
      clusters: [{name: a, cluster: {server: "https://a"}}]
      contexts: [{name: a, context: {cluster: a, user: a}}]
      users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./give}}}]
      """, path: "\(directory.path)/config")
    let source = try kubeconfig.configuration(environment: ["PATH": "/usr/bin:/bin"]).credentials
    try await APIServerStub.with { _, request in
      request.headers.first(name: "Authorization") == "Bearer t3" ? .status(401, "Unauthorized") : .json(configMap("a"))
    } _: { stub in
      try await stub.client(stub.configuration(source)) { client in
        // Both are over as soon as they are given.
        for _ in 0..<2 { _ = try await client.get(configMaps, "a", namespace: "a") }
        _ = try directory.write("end", "2999-01-01T00:00:00Z")
        // Another, which the server refuses: one of the same moment would be refused as well.
        let fault = await #expect(throws: Fault.self) { try await client.get(configMaps, "a", namespace: "a") }
        #expect(fault?.code == .unauthenticated)
        try await Task.sleep(for: .milliseconds(550))
        for _ in 0..<2 { _ = try await client.get(configMaps, "a", namespace: "a") }
      }
      let tokens = stub.requests.compactMap { $0.headers.first(name: "Authorization")?.split(separator: " ").last }
      #expect(tokens == ["t1", "t2", "t3", "t3", "t4", "t4"])
    }
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
