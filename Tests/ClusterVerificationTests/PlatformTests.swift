import Foundation
import JSONValues
import KubernetesAPI
import Testing
import Verification

@testable import ClusterVerification

@Suite("A value's spellings") struct SpellingsTests {
  private let value = "canary-0123abcd-89ef"

  private func isFound(_ text: String) -> Bool { Spellings(value).isIn(Array(text.utf8)) }

  @Test("are found within longer text", arguments: 0...5) func base64(offset: Int) {
    let before = String(repeating: "x", count: offset)
    for after in ["", "y", "yy", "yyy\n"] {
      let encoded = Data("\(before)\(value)\(after)".utf8).base64EncodedString()
      #expect(isFound("{\"a\":\"\(encoded)\"}"))
      #expect(isFound(encoded.replacing("+", with: "-").replacing("/", with: "_")))
    }
  }

  @Test("are hexadecimal, of a URL, and of JSON, too") func others() {
    #expect(isFound("x\(value)x"))
    #expect(isFound(value.utf8.map { String(format: "%02x", $0) }.joined()))
    #expect(isFound(value.utf8.map { String(format: "%02X", $0) }.joined()))
    #expect(isFound("?v=canary%2D0123abcd%2D89ef"))
    #expect(Spellings("a\"b\\cdefgh").isIn(Array(#"{"x":"a\"b\\cdefgh"}"#.utf8)))
  }

  @Test("are of no other value") func strangers() {
    let other = "canary-0123abce-89ef"
    for text in ["", "c", other, Data(other.utf8).base64EncodedString(), String(value.dropLast())] {
      #expect(!isFound(text))
    }
  }
}

@Suite("Files that a probe can read") struct ProbePlacesTests {
  @Test("are those of volumes, too, and no links and pipes") func volumes() throws {
    let root = URL.temporaryDirectory.appending(path: "places-\(UUID())").path
    // As a volume of secrets has them.
    let data = "\(root)/..2026_11_28_22_10_41.1486918615"
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    try Data("value".utf8).write(to: URL(filePath: "\(data)/name"))
    #expect(symlink("..2026_11_28_22_10_41.1486918615", "\(root)/..data") == 0)
    #expect(symlink("..data/name", "\(root)/name") == 0)
    #expect(mkfifo("\(root)/pipe", 0o600) == 0)
    #expect(ProbePlaces.files(in: root, deep: true) == ["\(data)/name"])
    #expect(ProbePlaces.files(in: root, deep: false).isEmpty)
    #expect(ProbePlaces.files(in: data, deep: true, limit: 0).isEmpty)
    #expect(ProbePlaces.content(of: "\(data)/name") == Array("value".utf8))
    #expect(ProbePlaces.content(of: "\(root)/none") == nil)
    #expect(ProbePlaces.content(of: "/proc/self/environ") != nil)
    #expect(ProbePlaces.processes.contains("/proc/\(getpid())"))
  }
}

@Suite("Who manages an object's number of Pods") struct FieldOwnerTests {
  private let mine: JSON = [
    "manager": "lobstack-verify", "operation": "Update",
    "fieldsV1": ["f:spec": ["f:replicas": [:]], "f:metadata": ["f:labels": [:]]],
  ]
  private let theirs: JSON = ["manager": "kubectl", "operation": "Apply", "fieldsV1": ["f:spec": ["f:template": [:]]]]

  @Test("is told by an annotation, and by nothing else") func text() throws {
    var before = theirs
    before["fieldsV1"] = ["f:spec": ["f:replicas": [:]]]
    let owner = try #require(FieldOwner(among: [theirs, before]))
    #expect(owner.text == "Apply - kubectl")
    #expect(FieldOwner(text: owner.text) == owner)
    #expect(FieldOwner(text: "Update scale the autoscaler")?.subresource == "scale")
    for text in ["", "Apply", "Apply -"] { #expect(FieldOwner(text: text) == nil) }
    #expect(FieldOwner(among: [theirs]) == nil)
  }

  @Test("is whoever it was before") func restored() throws {
    let owner = try #require(FieldOwner(text: "Apply - kubectl"))
    let entries = FieldOwner.entries([mine, theirs], without: "lobstack-verify", replicasOf: owner)
    #expect(entries.count == 1)
    #expect(entries.first?["fieldsV1"]?["f:spec"]?["f:replicas"] == [:])
    #expect(entries.first?["fieldsV1"]?["f:spec"]?["f:template"] == [:])
    #expect(FieldOwner.entries([mine, theirs], without: "lobstack-verify", replicasOf: nil) == [theirs])
    // One whose only field it was, as of 'kubectl scale', is there no more.
    let scaled = FieldOwner.entries(
      [mine, theirs], without: "lobstack-verify", replicasOf: FieldOwner(text: "Update scale kubectl"))
    #expect(scaled.count == 2 && FieldOwner(among: scaled)?.text == "Update scale kubectl")
    // What an older run left is nobody's.
    let own = FieldOwner(text: "Update - lobstack-verify")
    #expect(FieldOwner.entries([mine, theirs], without: "lobstack-verify", replicasOf: own) == [theirs])
  }
}

@Suite("How long nothing may begin") struct WatchTests {
  @Test("is longer than a start takes, and nothing is stopped where that is too long") func bounds() throws {
    #expect(try OutageChecks.watch(forStartsOf: .seconds(1)) == .seconds(10))
    #expect(try OutageChecks.watch(forStartsOf: .seconds(8)) == .seconds(25))
    #expect(try OutageChecks.watch(forStartsOf: .milliseconds(29_600)) == .seconds(89))
    for time in [30, 100] {
      #expect(throws: NotTestable.self) { try OutageChecks.watch(forStartsOf: .seconds(time)) }
    }
  }
}

@Suite("An old version of TLS") struct HandshakeTests {
  private func verdict(_ remarks: String) -> Verdict {
    Trial(
      "speak it", withoutControl: .succeeded("taken"), withControl: TransportChecks.judgement(remarks, of: "it")
    ).verdict
  }

  @Test("is refused by an alert of the version alone") func refusals() {
    #expect(verdict("x:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:...") == .proven)
    #expect(verdict("CONNECTION ESTABLISHED\nProtocol version: TLSv1.2") == .failed)
    // A server that is away refuses nothing.
    #expect(verdict("connect:errno=111") == .failed)
    #expect(verdict("") == .failed)
  }
}

@Suite("An agent's volume") struct VolumeTests {
  private func finding(
    _ parameters: JSON = [:], reclaim: String = "Delete", className: String = "lobstack-encrypted"
  ) -> Finding {
    VolumeChecks.judgement(
      claim: KubernetesObject(fields: ["spec": ["storageClassName": .string(className), "volumeName": "v"]]),
      volume: KubernetesObject(fields: ["spec": ["persistentVolumeReclaimPolicy": .string(reclaim)]]),
      storage: KubernetesObject(fields: ["provisioner": "csi.example.com", "parameters": parameters]),
      wanted: "lobstack-encrypted")
  }

  @Test("is never proven to be encrypted by what its class says, and fails by it") func parameters() {
    for parameters: JSON in [[:], ["encrypted": "true"], ["kmsKeyId": "a"], ["fsType": "ext4"]] {
      #expect(finding(parameters).verdict == .notTestable)
    }
    #expect(finding(["encrypted": "true"]).evidence.first?.contains("asks for encryption (encrypted=true)") == true)
    #expect(finding().evidence.first?.contains("says nothing of encryption") == true)
    #expect(finding(["encrypted": "false"]).verdict == .failed)
  }

  @Test("fails where it is kept, or of another class") func kept() {
    #expect(finding(reclaim: "Retain").verdict == .failed)
    #expect(finding(className: "standard").verdict == .failed)
  }
}

@Suite("What a run has stopped") struct RestorationTests {
  private func object(replicas: Int, _ said: String?) -> KubernetesObject {
    var object = KubernetesObject(fields: ["spec": ["replicas": .int(replicas)]])
    object.resourceVersion = "7"
    object.labels[RunMark.label] = "0123abcd"
    object.annotations[Outage.replicas] = said
    return object
  }

  @Test("gets the Pods back that it had, in this very state of it") func stopped() throws {
    let change = try #require(Outage.restoration(of: object(replicas: 0, "2")))
    #expect(change["spec"] == ["replicas": 2])
    #expect(change["metadata"]?["resourceVersion"] == "7")
    #expect(change["metadata"]?["labels"]?[RunMark.label] == .null)
    for said in [nil, "", "0", "-1", "1001", "two"] {
      #expect(Outage.restoration(of: object(replicas: 0, said)) == nil)
    }
  }

  @Test("keeps what somebody gave it meanwhile, and loses its marks") func scaled() throws {
    for said in ["2", nil] {
      let change = try #require(Outage.restoration(of: object(replicas: 3, said)))
      #expect(change["spec"] == nil)
      #expect(change["metadata"]?["annotations"]?[Outage.replicas] == .null)
    }
  }
}
