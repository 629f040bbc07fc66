import AgentModel
import Faults
import NameResolution
import Testing

@Suite("The table of the agents' names") struct ResolverTableTests {
  private static let good =
    #"{"address":"10.64.255.253","agents":[{"address":"10.64.0.2","hosts":["*.example.org","api.example.com"],"#
    + #""names":["api.lobstack.internal"]}],"version":"v1"}"#

  @Test("is the same after writing and reading") func roundTrip() throws {
    let table = ResolverTable(
      version: try parsed("2026-01-31.7"), address: try parsed("10.64.255.253"),
      agents: [
        ResolverTable.Agent(
          address: try parsed("10.64.0.2"), hosts: [try parsed("*.example.org")],
          names: [try parsed("api.anthropic.com.lobstack.internal")])
      ])
    #expect(try ResolverTable(text: table.text()) == table)
    let read = try ResolverTable(text: Array(Self.good.utf8))
    #expect(String(decoding: try read.text(), as: UTF8.self) == Self.good)
  }

  @Test(
    "is refused for anything else, with the place",
    arguments: [
      ("", "the text"), ("{", "the text"), (good + "x", "the text"), ("[]", "the text"),
      (good.replacing(#""version":"v1""#, with: #""version":"v1","more":1"#), ".more"),
      (good.replacing(#""hosts""#, with: #""ports":[],"hosts""#), ".agents[0].ports"),
      (good.replacing(#","version":"v1""#, with: ""), ".version"),
      (good.replacing(#""version":"v1""#, with: #""version":"none""#), ".version"),
      (good.replacing(#""version":"v1""#, with: #""version":"a b""#), ".version"),
      (good.replacing(#""version":"v1""#, with: #""version":1"#), ".version"),
      (good.replacing("10.64.255.253", with: "10.64.255.256"), ".address"),
      (good.replacing("10.64.0.2", with: "010.64.0.2"), ".agents[0].address"),
      (good.replacing("10.64.0.2", with: "::ffff:10.64.0.2"), ".agents[0].address"),
      (good.replacing("10.64.0.2", with: "10.64.255.253"), "the address that names resolve to"),
      (good.replacing("*.example.org", with: "*"), ".agents[0].hosts[0]"),
      (good.replacing("*.example.org", with: "api.lobstack.internal"), ".agents[0].hosts[0]"),
      (good.replacing(#"["api.lobstack.internal"]"#, with: #"["api.example.com"]"#), ".agents[0].names[0]"),
      (good.replacing(#"["api.lobstack.internal"]"#, with: #"["*.lobstack.internal"]"#), ".agents[0].names[0]"),
      (good.replacing(#"["api.lobstack.internal"]"#, with: #"[".lobstack.internal"]"#), ".agents[0].names[0]"),
      (good.replacing(#"["api.lobstack.internal"]"#, with: #"["lobstack.internal"]"#), ".agents[0].names[0]"),
      (
        good.replacing(
          "[{", with: #"[{"address":"10.64.0.2","hosts":[],"names":[]},{"#), "agent 10.64.0.2 is there twice"
      ),
    ])
  func strict(text: String, place: String) throws {
    do {
      _ = try ResolverTable(text: Array(text.utf8))
      Issue.record("was read: \(text)")
    } catch let fault as Fault {
      #expect(fault.code == .invalid)
      #expect(fault.reason.contains(place), "\(fault)")
    }
  }

  @Test("is refused when too long, before it is looked at") func long() throws {
    #expect(throws: Fault.self) {
      try ResolverTable(text: [UInt8](repeating: 0x20, count: ResolverTable.longestText + 1))
    }
  }

  @Test(
    "takes addresses in one notation only",
    arguments: [
      "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "+1.2.3.4", "1..2.3", "0x1.2.3.4", "1.2.3.4 ", "١.2.3.4", "",
    ])
  func addresses(text: String) throws {
    #expect(IPv4Address(text) == nil)
  }

  @Test("shows addresses as they are written", arguments: ["0.0.0.0", "10.64.0.2", "255.255.255.255", "1.20.3.100"])
  func shown(text: String) throws {
    #expect(IPv4Address(text)?.description == text)
  }
}
