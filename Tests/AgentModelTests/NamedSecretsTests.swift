import AgentModel
import Foundation
import Testing

@Suite("Secrets of an agent") struct NamedSecretsTests {
  private func spec(_ secrets: String) throws -> AgentSpec {
    let text = """
      {"image":"dir:/srv/bot","tier":"starter","env":{},"workspace":{"size":"1Gi"},"ports":{},"restartPolicy":"Always",
       "secrets":\(secrets)}
      """
    return try JSONDecoder().decode(AgentSpec.self, from: Data(text.utf8))
  }

  @Test(
    "are read as documents list them, and as the bare names of earlier versions",
    arguments: [#"[{"name":"crm"},{"name":"own"}]"#, #"["crm","own"]"#, #"["crm",{"name":"own"}]"#])
  func reading(secrets: String) throws {
    #expect(try spec(secrets).secrets.map(\.description) == ["crm", "own"])
  }

  @Test("are written as documents list them") func writing() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(spec(#"["crm"]"#)), as: UTF8.self)
    #expect(text.contains(#""secrets":[{"name":"crm"}]"#), "\(text)")
  }

  @Test(
    "are nothing else", arguments: [#"[{"name":"../x"}]"#, #"["../x"]"#, "[1]", "[{}]", "[[]]", #"{"name":"crm"}"#])
  func refused(secrets: String) {
    #expect(throws: DecodingError.self) { try spec(secrets) }
  }
}
