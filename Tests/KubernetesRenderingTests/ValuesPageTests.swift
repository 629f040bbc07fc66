import AgentModel
import Faults
import Foundation
import KubernetesRendering
import Testing

@Suite("docs/reference/kubernetes-values.md") struct ValuesPageTests {
  @Test("has the defaults, every field of them") func defaults() throws {
    let path = URL(filePath: Rendering.policyDirectory).deletingLastPathComponent()
      .appending(path: "docs/reference/kubernetes-values.md").path
    let page = try String(contentsOfFile: path, encoding: .utf8)
    let parts = page.components(separatedBy: "```yaml\n")
    let text = try #require(parts[1].components(separatedBy: "```").first)
      .replacing("VERSION", with: "\(LobstackVersion.current)")
    #expect(parts.count == 2)
    #expect(try Values(text, source: "the page") == Values())
    // An unknown field is answered with all that there are: each has its line.
    let fault = try #require(throws: Fault.self) { try Values("x: 1", source: "v") }
    let known = fault.remedy.replacing("use one of: ", with: "").components(separatedBy: ", ")
    #expect(known.count > 10)
    for field in known { #expect(text.contains("\n\(field):") || text.hasPrefix("\(field):"), "\(field)") }
  }
}
