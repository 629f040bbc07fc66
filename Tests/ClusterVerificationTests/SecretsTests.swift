import Foundation
import JSONValues
import KubernetesAPI
import Testing
import Verification

@testable import ClusterVerification

@Suite("The run's own secret values") struct CanaryTests {
  private let canaries = SecretsStage.Canaries(run: "0123abcd")

  @Test("differ, and are found in whatever holds them, each once") func found() {
    #expect(Set(canaries.all).count == 3)
    let search = SecretSearch(prefix: canaries.prefix)
    let text = "\0A=\(canaries.own)\0\(canaries.tenant)\(canaries.own)\0"
    #expect(search.canaries(in: Array(text.utf8)) == [canaries.own, canaries.tenant])
  }

  @Test(
    "are not what only looks so",
    arguments: ["", "canary-0123abcd-", "canary-0123abcd-0123456789abcdef0123456789abcde", "canary-0123abcd-\u{0}"])
  func others(text: String) {
    let search = SecretSearch(prefix: canaries.prefix)
    #expect(search.canaries(in: Array(text.utf8)).isEmpty)
    // The rest is no hexadecimal number.
    #expect(search.canaries(in: Array((text + String(repeating: "-", count: 40)).utf8)).isEmpty)
  }

  @Test("are found in files, in environments, and nowhere else") func places() throws {
    let directory = URL.temporaryDirectory.appending(path: "search-\(UUID())")
    try FileManager.default.createDirectory(at: directory.appending(path: "a"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try Data(canaries.own.utf8).write(to: directory.appending(path: "a/own"))
    // Nobody writes to it: whoever opens it to read waits.
    #expect(mkfifo(directory.appending(path: "pipe").path, 0o600) == 0)
    var lines: [String: String] = [:]
    SecretSearch(prefix: canaries.prefix).search({ id, _, text in lines[id] = text }, in: [directory.path])
    #expect(lines["found:0:files:0"] == canaries.own)
    #expect(lines.count { $0.key.hasPrefix("found:") } == 1)
    #expect(lines["secrets:0:files"] == "1 read")
    #expect(lines["searched:0"] != nil)
  }

  @Test("count as in an object as text, and as a Secret has them") func objects() {
    func holds(_ value: String) -> Bool {
      DeliveryChecks.holds(
        KubernetesObject(fields: ["data": ["value": .string(value)]]), canaries.all.map(Spellings.init))
    }
    #expect(holds("x\(canaries.credential)x"))
    #expect(holds(Data(canaries.own.utf8).base64EncodedString()))
    #expect(!holds(canaries.prefix))
  }
}

@Suite("A search of an agent's sandbox") struct SandboxSearchTests {
  private let canaries = SecretsStage.Canaries(run: "0123abcd")
  private static let searched = ["secrets:0:environment", "secrets:0:arguments", "secrets:0:files"]

  private func verdict(_ found: [String: String], searched: [String] = searched, round: Int = 0) throws -> Verdict {
    let lines = found.map { ($0.key, $0.value) } + searched.map { ($0, "9 read") }
    let encoder = JSONEncoder()
    let log = try lines.map { id, text in
      String(
        decoding: try encoder.encode(ProbeLine(nonce: "n", id: id, isDone: true, text: text, answer: nil)),
        as: UTF8.self)
    }
    let record = ProbeRecord(Array(log.joined(separator: "\n").utf8), nonce: "n")
    return Finding(DeliveryChecks.trials(record, canaries, round: round)).verdict
  }

  @Test("proves that the key is not there when it finds what has to be") func proven() throws {
    #expect(try verdict(["found:0:files:0": canaries.tenant]) == .proven)
  }

  @Test("fails where the key is, wherever that is", arguments: ["environment:0", "arguments:0", "files:1"])
  func failed(place: String) throws {
    #expect(try verdict(["found:0:files:0": canaries.tenant, "found:0:\(place)": canaries.credential]) == .failed)
  }

  @Test("shows nothing where it does not find the agent's own secret") func blind() throws {
    #expect(try verdict([:]) == .notTestable)
    // Of another run.
    #expect(try verdict(["found:0:files:0": SecretsStage.Canaries(run: "0123abcd").tenant]) == .notTestable)
  }

  @Test("is of one round: an earlier one was before the key was there") func rounds() throws {
    let early = ["found:0:files:0": canaries.tenant]
    #expect(try verdict(early, round: 1) == .notTestable)
    let later = ["found:1:files:0": canaries.credential, "found:1:files:1": canaries.tenant]
    let all = Self.searched + Self.searched.map { $0.replacing(":0:", with: ":1:") }
    #expect(try verdict(early.merging(later) { $1 }, searched: all, round: 1) == .failed)
    func rounds(_ ids: [String]) throws -> Int {
      let lines = try ids.map { id in
        String(
          decoding: try JSONEncoder().encode(ProbeLine(nonce: "n", id: id, isDone: true, text: "", answer: nil)),
          as: UTF8.self)
      }
      return ProbeRecord(Array(lines.joined(separator: "\n").utf8), nonce: "n").rounds
    }
    #expect(try rounds([]) == 0)
    #expect(try rounds(["searched:0", "searched:1"]) == 2)
    #expect(try rounds(["searched:1"]) == 0)
  }

  @Test("is no evidence when it did not end") func cut() throws {
    #expect(try verdict(["found:0:files:0": canaries.tenant], searched: ["secrets:0:environment"]) == .failed)
  }
}

@Suite("Secrets that killed runs left") struct SecretLeftOverTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)  // 2027-01-15T08:00:00Z

  @Test("are taken away when no run can use them any more, and not before") func over() {
    #expect(SecretsStage.isOver("2027-01-15T07:39:59.123456789Z", at: now))
    #expect(!SecretsStage.isOver("2027-01-15T07:40:01.123456789Z", at: now))
    #expect(!SecretsStage.isOver("soon", at: now))
    #expect(!SecretsStage.isOver("", at: now))
  }
}
