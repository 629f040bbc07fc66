import ChildProcess
import Faults
import Foundation
import JSONValues
import Proxy
import Testing

@Suite("A driven Envoy", .enabled(if: hasEnvoy, "Envoy is not installed: run scripts/setup"), .timeLimit(.minutes(3)))
struct DriverTests {
  @Test("serves a change when it is acknowledged, and not something else") func accepts() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      let first = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      #expect(first.versions == [.clusters: "1", .routes("table"): "1", .listeners: "1"])
      #expect(first.activeListeners == 1)
      #expect(try await envoy.body() == "one")
      let second = try await envoy.driver.apply(envoy.answering("two"), version: "2")
      #expect(second.versions == [.clusters: "1", .routes("table"): "2", .listeners: "1"])
      #expect(try await envoy.body() == "two")
      let state = try await envoy.driver.readBack()
      #expect(state.isCurrent)
      #expect(state.files[.routes("table")]?.written == "2")
      #expect(state.files[.routes("table")]?.accepted == "2")
      #expect(state.server.release.hasPrefix("1."))
    }
  }

  @Test("is told nothing, and says so at once, when nothing changed") func unchanged() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      _ = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      let before = try await envoy.admin.statistics(matching: #".*update_attempt"#)
      let again = try await envoy.driver.apply(envoy.answering("one"), version: "2")
      #expect(again.versions[.listeners] == "1")
      #expect(try await envoy.admin.statistics(matching: #".*update_attempt"#) == before)
    }
  }

  @Test("keeps the former configuration, the whole of it, when it refuses one, and says why", arguments: Bad.allCases)
  func refuses(_ bad: Bad) async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      _ = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      let fault = try await #require(throws: Fault.self) {
        try await envoy.driver.apply(bad.files(envoy), version: "2")
      }
      #expect(fault.code == .invalid, "\(fault)")
      #expect(fault.reason.contains(bad.reason), "\(fault)")
      // The words of the configuration stay with Envoy.
      #expect(!fault.description.contains("canary"), "\(fault)")
      #expect(try await envoy.body() == "one")
      let state = try await envoy.driver.readBack()
      #expect(state.isCurrent)
      #expect(state.activeListeners == 1)
      #expect(Set(state.files.keys) == [.clusters, .routes("table"), .listeners])
      #expect(state.files.values.allSatisfy { $0.written == "1" && $0.accepted == "1" })
      // And it takes the next one.
      _ = try await envoy.driver.apply(envoy.answering("three"), version: "3")
      #expect(try await envoy.body() == "three")
    }
  }

  enum Bad: CaseIterable, Sendable {
    case cluster, routes, unknownField, halfOfTheListeners, keyOfAnotherCertificate

    var reason: String {
      switch self {
      case .cluster: "Envoy refuses clusters: Invalid duration"
      case .routes: "Envoy refuses routes table: Only a single wildcard domain is permitted"
      case .unknownField: "no such field: 'header_canarry'"
      case .halfOfTheListeners: "StatPrefix: value length must be at least 1 characters"
      case .keyOfAnotherCertificate: "Failed to load certificate chain from <inline>"
      }
    }

    func files(_ envoy: DrivenEnvoy) -> [EnvoyFile] {
      let good = envoy.answering("canary")
      switch self {
      case .cluster:
        return [EnvoyFile(.clusters, [envoy.cluster("one"), envoy.cluster("canary", timeout: "-1s")])] + good[1...]
      case .routes:
        let hosts: JSON = [
          ["name": "canary", "domains": ["*"], "routes": []], ["name": "b", "domains": ["*"], "routes": []],
        ]
        let routes = JSON.typed(
          "envoy.config.route.v3.RouteConfiguration", ["name": "table", "virtual_hosts": hosts])
        return [good[0], EnvoyFile(.routes("table"), [routes]), good[2]]
      case .unknownField:
        return good[..<2] + [EnvoyFile(.listeners, [envoy.listener("in", ["header_canarry": 1])])]
      case .halfOfTheListeners:
        let other = envoy.listener(
          "second", socket: "\(envoy.directory)/other.sock", ["stat_prefix": "", "via": "canary"])
        let third = envoy.listener("third", socket: "\(envoy.directory)/third.sock")
        return good[..<2] + [EnvoyFile(.listeners, [envoy.listener(), other, third])]
      case .keyOfAnotherCertificate:
        let secret = JSON.typed(
          "envoy.extensions.transport_sockets.tls.v3.Secret",
          [
            "name": "server",
            "tls_certificate": [
              "certificate_chain": ["inline_string": "canary"], "private_key": ["inline_string": "canary"],
            ],
          ])
        var listener = envoy.listener()
        let context = JSON.typed(
          "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
          [
            "common_tls_context": [
              "tls_certificate_sds_secret_configs": [
                ["name": "server", "sds_config": envoy.fileSource(.secret("server"))]
              ]
            ]
          ])
        if case .object(var fields) = listener, case .array(let chains) = fields["filter_chains"],
          case .object(var chain) = chains[0]
        {
          chain["transport_socket"] = ["name": "tls", "typed_config": context]
          fields["filter_chains"] = [.object(chain)]
          listener = .object(fields)
        }
        return [EnvoyFile(.secret("server"), [secret])] + good[..<2] + [EnvoyFile(.listeners, [listener])]
      }
    }
  }

  @Test("that is down gets its files, and runs them when it starts") func down() async throws {
    try await DrivenEnvoy.with { envoy in
      let fault = try await #require(throws: Fault.self) {
        try await envoy.driver.apply(envoy.answering("one"), version: "1")
      }
      #expect(fault.code == .unavailable, "\(fault)")
      await #expect(throws: Fault.self) { try await envoy.driver.readBack() }
      try await envoy.start()
      #expect(try await envoy.driver.apply(envoy.answering("one"), version: "2").versions[.listeners] == "1")
      #expect(try await envoy.body() == "one")
    }
  }

  @Test("that started with files it refuses gets back those that it had accepted") func startsWithBadFiles()
    async throws
  {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      _ = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      await envoy.stop()
      let bad = DriverTests.Bad.unknownField.files(envoy)
      let down = try await #require(throws: Fault.self) { try await envoy.driver.apply(bad, version: "2") }
      #expect(down.code == .unavailable, "\(down)")
      try await envoy.start()
      #expect(try await envoy.driver.readBack().isCurrent == false)
      // Another process drives it now: it knows from the disk what had been accepted.
      let other = EnvoyDriver(files: envoy.files, admin: envoy.admin, logFile: envoy.logFile)
      let refused = try await #require(throws: Fault.self) { try await other.apply(bad, version: "3") }
      #expect(refused.code == .invalid, "\(refused)")
      #expect(try await envoy.body() == "one")
    }
  }

  @Test("that ends in the middle of a change gets back the former files") func endsMeanwhile() async throws {
    try await DrivenEnvoy.with(deadline: .seconds(4)) { envoy in
      try await envoy.start()
      _ = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      // Waits for a route table whose subscription cannot come.
      let waiting = envoy.answering("two") + [EnvoyFile(.routes("nobody"), [envoy.routes("nobody", answer: "")])]
      let change = Task { try await envoy.driver.apply(waiting, version: "2") }
      try await eventually { try await envoy.body() == "two" }
      await envoy.stop()
      let fault = await #expect(throws: Fault.self) { try await change.value }
      #expect(fault?.code == .unavailable, "\(String(describing: fault))")
      try await envoy.start()
      try await eventually { try await envoy.body() == "one" }
    }
  }

  @Test("has serving nothing to fall back on before it accepted anything") func nothingBefore() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      let bad = Bad.halfOfTheListeners.files(envoy)
      let fault = try await #require(throws: Fault.self) { try await envoy.driver.apply(bad, version: "1") }
      #expect(fault.code == .invalid, "\(fault)")
      #expect(try await envoy.driver.readBack().activeListeners == 0)
    }
  }

  @Test("goes on when somebody cuts a file short, and mends with the next change") func truncated() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      _ = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      let path = envoy.files.path(of: .listeners)
      try String(String(contentsOfFile: path, encoding: .utf8).dropLast(40))
        .write(toFile: path, atomically: true, encoding: .utf8)
      try await eventually {
        try await envoy.admin.statistics(matching: #"listener_manager\.lds\.update_failure"#).values.first == .number(1)
      }
      #expect(try await envoy.body() == "one")
      _ = try await envoy.driver.apply(envoy.answering("two"), version: "2")
      #expect(try await envoy.body() == "two")
      #expect(try await envoy.driver.readBack().isCurrent)
    }
  }

  @Test("takes the changes of several callers one after the other, all two hundred, and leaves nothing lying about")
  func concurrent() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<4 {
          group.addTask {
            for turn in 0..<50 {
              let name = "\(caller).\(turn)"
              let done = try await envoy.driver.apply(envoy.answering(name), version: "v\(name)")
              #expect(done.versions[.routes("table")] == "v\(name)")
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await envoy.driver.readBack().isCurrent)
      let names = try #require(FileManager.default.enumerator(atPath: envoy.files.directory)).compactMap {
        $0 as? String
      }
      #expect(
        Set(names.filter { $0.hasSuffix(".json") || $0.contains("new") }) == [
          "cds/cds.json", "lds/lds.json", "rds/table.json", "accepted/cds/cds.json", "accepted/lds/lds.json",
          "accepted/rds/table.json",
        ])
      let mode = try FileManager.default.attributesOfItem(atPath: envoy.files.path(of: .listeners))[.posixPermissions]
      #expect(mode as? Int == 0o640)
    }
  }

  @Test("loses the files that a change does not name") func removes() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      let two =
        Array(envoy.answering("one").dropLast()) + [
          EnvoyFile(.routes("second"), [envoy.routes("second", answer: "2")]),
          EnvoyFile(
            .listeners,
            [envoy.listener(), envoy.listener("other", routes: "second", socket: "\(envoy.directory)/o.sock")]),
        ]
      #expect(try await envoy.driver.apply(two, version: "1").activeListeners == 2)
      #expect(try await envoy.driver.apply(envoy.answering("one"), version: "2").activeListeners == 1)
      #expect(!FileManager.default.fileExists(atPath: envoy.files.path(of: .routes("second"))))
    }
  }

  @Test("takes no name that is a path, and no file twice", arguments: ["../x", "a/b", ".x", "", "a b"])
  func names(_ name: String) async throws {
    try await DrivenEnvoy.with { envoy in
      for files in [[EnvoyFile(.secret(name), [])], [EnvoyFile(.clusters, []), EnvoyFile(.clusters, [])]] {
        let fault = await #expect(throws: Fault.self) { try await envoy.driver.apply(files, version: "1") }
        #expect(fault?.code == .invalid)
      }
      await #expect(throws: Fault.self) { try await envoy.driver.apply([], version: name) }
    }
  }

  @Test("tells of its memory, opens its logs anew and drains when told to") func commands() async throws {
    try await DrivenEnvoy.with { envoy in
      try await envoy.start()
      _ = try await envoy.driver.apply(envoy.answering("one"), version: "1")
      #expect(try await envoy.admin.memory().allocated > 1 << 20)
      try await envoy.admin.reopenLogs()
      try await envoy.admin.drain()
      #expect(try await envoy.body() == "one")
    }
  }
}
