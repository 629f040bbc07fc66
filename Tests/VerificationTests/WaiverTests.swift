import Faults
import Testing

@testable import Verification

@Suite("Waivers") struct WaiverTests {
  @Test("of a file have a check, an owner, a reason and a last day") func file() throws {
    let text = """
      waivers:
        - {check: iso-4, owner: anna, reason: the kernel is too old, expires: "2026-12-31"}
      """
    let waivers = try Waiver.all(in: text, source: "w.yaml")
    #expect(
      waivers == [try Waiver(check: "ISO-4", owner: "anna", reason: "the kernel is too old", expires: "2026-12-31")])
    #expect(waivers[0].holds(on: "2026-12-31") && !waivers[0].holds(on: "2027-01-01"))
  }

  @Test(
    "that lack a part, or have a day that is none, are refused with their place",
    arguments: [
      "waivers:\n- {check: A, owner: x, reason: y}": "expires",
      "waivers:\n- {check: A, owner: '', reason: y, expires: 2026-01-01}": "owner",
      "waivers:\n- {check: A, owner: x, reason: y, expires: tomorrow}": "tomorrow",
      "waivers:\n- {check: A, owner: x, reason: y, expires: '2026-13-01'}": "2026-13-01",
      "waivers:\n- {check: A, owner: x, reason: y, expires: '2026-01-01', why: z}": "why", "waiver: []": "waiver",
    ])
  func refused(text: String, word: String) {
    #expect {
      try Waiver.all(in: text, source: "w.yaml")
    } throws: { error in
      let fault = error as? Fault
      return fault?.code == .invalid && "\(error)".contains("w.yaml") && "\(error)".contains(word)
    }
  }
}
