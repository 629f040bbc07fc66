import Faults
import KubernetesRendering
import SeededRandom
import Testing

@Suite("A values file from a fuzzer") struct ValuesFuzzTests {
  private static let whole = """
    profile: lean
    domain: agents.example.org
    controlPlane: {least: 5}
    vault: {replicas: 5, storage: 20Gi}
    images: {lobstack: "registry.example.org/lobstack:1.2"}
    storage: {provisioner: csi.example.org, parameters: {type: fast, encrypted: "true"}}
    tiers: {starter: {cpu: 500m, memory: 1Gi}}
    sandboxes: true
    network: {nameServer: 10.43.0.53, apiServers: [192.0.2.0/28], services: [10.43.0.0/16]}
    tenants:
      default: {agents: 10, cpu: 100, memory: 200Gi}
      acme:

    """
  private static let words = [
    "{", "}", "[", "]", ": ", "- ", "\n", "  ", "|", "\"", "&a ", "*a", "<<: ", "~", "!!int ", "\0", "é", "---\n",
    "0x1F",
    "1e9999", "-1", "9223372036854775807", "99999999999999999999Gi", "/0", "/33", "::", "null", "..", "%",
  ]

  @Test("is refused with reasons, or rendered", arguments: 0..<2 as Range<UInt64>)
  func changed(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let words = Self.words.map { Array($0.utf8) }
    var (taken, refused) = (0, 0)
    for _ in 0..<300 {
      let text = String(decoding: random.mutate(Array(Self.whole.utf8), words: words, changes: 1...2), as: UTF8.self)
      do {
        let values = try Values(text, source: "v")
        taken += 1
        // The rest of it costs more.
        if taken.isMultiple(of: 8) { _ = try Rendering(values).manifests.withKustomization().map { try $0.text() } }
      } catch {
        let fault = try #require(error as? Fault, "\(error) of \(text)")
        #expect(!fault.reason.isEmpty && !fault.remedy.isEmpty)
        refused += 1
      }
    }
    #expect(taken > 10 && refused > 100, "\(taken) taken, \(refused) refused")
  }
}
