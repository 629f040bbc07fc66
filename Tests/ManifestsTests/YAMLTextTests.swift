import Foundation
import Manifests
import Testing

@Suite("JSON as YAML") struct YAMLTextTests {
  @Test("is read again as it was, whatever the text", arguments: texts) func roundTrip(text: String) throws {
    let yaml = try YAMLText(json: Array(JSONEncoder().encode(["k": [text], "l": [text]]))).description
    let read = try Manifest.parseOne(yaml, source: "t")
    guard case .map(let pairs) = read.value, pairs.count == 2 else {
      Issue.record("\(yaml)")
      return
    }
    for pair in pairs { #expect(try pair.value.strings() == [text], "\(yaml)") }
  }

  static let texts = [
    "", " ", "a", "y", "No", "on", "null", "1", "1.5", "1Gi", "-", "- a", "a: b", "#a", "a #b", "'", "\"", "\\", "\t",
    "a\nb", "a\nb\n", "a\nb\n\n", "a\n\n\nb", "\na", " a\nb", "a\n b\n", "a\t\nb", "a \nb", "a\r\nb", "a\u{0}b\nc",
    "ä\nö",
    "a\u{2028}b\nc", "---\na", "a\n---\nb", "a\n...\n", "%a\nb", "*a", "&a", "!a", "|", ">", "@", "`", "a\u{feff}",
  ]

  @Test("writes lines as lines, and the same keys in the same order") func form() throws {
    let json = #"{"g":18446744073709551615,"b":"x\ny\n","a":{"d":[],"c":{}},"e":["p\nq",{"f":true}]}"#
    #expect(
      try YAMLText(json: Array(json.utf8)).description == """
        a:
          c: {}
          d: []
        b: |
          x
          y
        e:
          - |-
            p
            q
          - f: true
        g: 18446744073709551615

        """)
  }
}
