import APIModel
import AgentModel
import Foundation
import Testing

@Suite("Audit records for a SIEM") struct AuditExportTests {
  private static let record = AuditRecordResource(
    index: 17, time: Date(timeIntervalSince1970: 1_767_225_600.25), actor: "user anna", action: "agent.create",
    target: "agent acme/bot", outcome: "allowed", details: ["image": "registry/bot:1"], leafHash: "ab12")
  private static let hostile = AuditRecordResource(
    index: 18, time: Date(timeIntervalSince1970: 0), actor: "x=y\\z|w", action: "secret|set=",
    target: "line\nCEF:0|forged|\r\u{0}\u{2028}end", outcome: "denied", details: ["a=b": "c\nd"], leafHash: "")

  @Test("are API Activities of OCSF") func ocsf() throws {
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(Self.record.ocsfLine())) as? [String: Any])
    #expect(object["class_uid"] as? Int == 6003 && object["category_uid"] as? Int == 6)
    #expect(object["activity_id"] as? Int == 1 && object["type_uid"] as? Int == 600_301)
    #expect(object["time"] as? Int == 1_767_225_600_250)
    #expect(object["status_id"] as? Int == 1 && object["severity_id"] as? Int == 1)
    #expect((object["actor"] as? [String: [String: String]])?["user"]?["name"] == "user anna")
    #expect((object["api"] as? [String: String])?["operation"] == "agent.create")
    #expect((object["metadata"] as? [String: Any])?["version"] as? String == "1.3.0")
    #expect((object["unmapped"] as? [String: Any])?["details"] as? [String: String] == ["image": "registry/bot:1"])
    let refused = try #require(
      JSONSerialization.jsonObject(with: Data(Self.hostile.ocsfLine())) as? [String: Any])
    #expect(refused["status_id"] as? Int == 2 && refused["activity_id"] as? Int == 99)
    #expect(!(try Self.hostile.ocsfLine()).contains(UInt8(ascii: "\n")))
  }

  @Test("are lines of CEF") func cef() {
    #expect(
      Self.record.cefLine
        == "CEF:0|Lobstack|Lobstack|\(LobstackVersion.current)|agent.create|agent.create of agent acme/bot|2|"
        + "rt=1767225600250 externalId=17 suser=user anna act=agent.create outcome=allowed cs1Label=target "
        + "cs1=agent acme/bot cs2Label=leafHash cs2=ab12 cs3Label=details cs3=image\\=registry/bot:1")
  }

  @Test("cannot be forged by what they tell") func forged() {
    let line = Self.hostile.cefLine
    #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{2028}" })
    var accented = Self.hostile
    accented.actor = "a outcome=\u{301}x \\\u{301}"
    let escaped = #"suser=a outcome\="# + "\u{301}x " + #"\\"# + "\u{301} act="
    #expect(Array(accented.cefLine.utf8).firstRange(of: Array(escaped.utf8)) != nil)
    #expect(line.contains(#"secret\|set="#) && line.contains(#"suser=x\=y\\z|w act=secret|set\= "#))
    #expect(line.contains(#"cs1=line\nCEF:0|forged|\n \nend"#))
  }
}
