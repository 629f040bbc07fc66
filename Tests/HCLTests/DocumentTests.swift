import Faults
import HCL
import Testing

@Suite("An HCL document") struct DocumentTests {
  static let initialization = """
    # a comment
    initialize "mounts" {
      request "kv" {
        operation = "update" // another
        path      = "sys/mounts/secret"
        data = {
          type    = "kv" /* and
          another */
          options = { version = "2" }
        }
      }
      request "policy" {
        operation = "update"
        path = "sys/policies/acl/lobstack-agent"
        data = {
          policy = <<-EOT
            path "secret/data/{{identity.entity.name}}" { capabilities = ["read"] }
          EOT
        }
      }
    }

    """

  @Test("holds the blocks of OpenBao's self-initialisation", arguments: ["\n", "\r\n"])
  func initialization(lineEnd: String) throws {
    let text = Self.initialization.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: lineEnd)
    let document = try HCLDocument(parsing: text, file: "f.hcl")
    let stanza = try #require(document.blocks.first)
    #expect(document.blocks.count == 1)
    #expect((stanza.type, stanza.labels, stanza.line) == ("initialize", ["mounts"], 2))
    #expect(stanza.blocks.map(\.labels) == [["kv"], ["policy"]])
    #expect(stanza.blocks.map(\.line) == [3, 12])
    let (mount, policy) = (stanza.blocks[0].attributes, stanza.blocks[1].attributes)
    #expect(mount.keys == ["operation", "path", "data"])
    #expect(mount["data"] == .object(["type": .string("kv"), "options": .object(["version": .string("2")])]))
    let rule = "  path \"secret/data/{{identity.entity.name}}\" { capabilities = [\"read\"] }\n"
    #expect(policy["data"] == .object(["policy": .string(rule)]))
  }

  @Test("has attributes and blocks side by side, with any number of labels")
  func structure() throws {
    let text = "a = 1\nb {}\nc x \"y z\" d-1 {\n}\ne { f = [] }\n\tg = 2"
    let document = try HCLDocument(parsing: text, file: "f.hcl")
    #expect(document.attributes == ["a": .int(1), "g": .int(2)])
    #expect(document.blocks.map(\.type) == ["b", "c", "e"])
    #expect(document.blocks.map(\.labels) == [[], ["x", "y z", "d-1"], []])
    #expect(document.blocks[2].attributes == ["f": .list([])])
  }

  @Test(
    "may be empty, or hold comments only",
    arguments: ["", "\n", " \t\r\n", "# a", "// a", "/* a\n */", "/***/", "/**/ # /*\n"])
  func empty(text: String) throws {
    let document = try HCLDocument(parsing: text, file: "f.hcl")
    #expect(document.attributes.isEmpty && document.blocks.isEmpty)
  }

  @Test("may nest 32 levels and no more", arguments: [("a = ", "[", "]"), ("", "a {\n", "\n}"), ("a=", "{b=", "}")])
  func nesting(prefix: String, open: String, close: String) throws {
    func text(levels: Int) -> String {
      let inner = open.hasSuffix("=") ? "1" : ""
      return prefix + String(repeating: open, count: levels) + inner + String(repeating: close, count: levels)
    }
    #expect(throws: Never.self) { try HCLDocument(parsing: text(levels: 32), file: "f.hcl") }
    for levels in [33, 20_000] {
      let fault = try #require(throws: Fault.self) { try HCLDocument(parsing: text(levels: levels), file: "f.hcl") }
      #expect(fault.reason == "found level 33 of blocks, lists and objects, expected at most 32")
    }
  }

  @Test("may have 1 MiB and no byte more") func size() throws {
    let longest = "a = \"" + String(repeating: "x", count: HCLDocument.longestText - 6) + "\""
    #expect(throws: Never.self) { try HCLDocument(parsing: longest, file: "f.hcl") }
    let fault = try #require(throws: Fault.self) { try HCLDocument(parsing: longest + "\n", file: "f.hcl") }
    #expect(
      fault.description
        == "cannot read f.hcl:1:1: found 1048577 bytes, expected at most 1048576; split the file")
  }

  @Test(
    "of the full size is read without delay", .timeLimit(.minutes(1)),
    arguments: [("", "a {}\n", ""), ("a = [", "1,\n", "]"), ("a = \"", "\\n", "\""), ("a = <<-E\n", " $\n", " E\n")])
  func large(prefix: String, piece: String, suffix: String) throws {
    let count = (HCLDocument.longestText - 20) / piece.utf8.count
    let text = prefix + String(repeating: piece, count: count) + suffix
    let document = try HCLDocument(parsing: text, file: "f.hcl")
    switch document.attributes["a"] {
    case .list(let items): #expect(items.count == count)
    case .string(let string): #expect(string.utf8.allSatisfy { $0 == 0x24 || $0 == 0x0A })
    default: #expect(document.blocks.count == count)
    }
  }

  @Test(
    "of the full size is refused without delay", .timeLimit(.minutes(1)),
    arguments: ["a = <<-E\n", "/*", "1", "$", "[", "{", "x", "\\", "a=[1,2,\n", "\"", "a = <<E\n$\nE\n", "\u{E9}"])
  func largeRefused(piece: String) throws {
    let count = HCLDocument.longestText / piece.utf8.count - 2
    for prefix in ["", "a=", "a=\"", "a={"] {
      let text = prefix + String(repeating: piece, count: count)
      let fault = try #require(throws: Fault.self) { try HCLDocument(parsing: text, file: "f.hcl") }
      #expect(fault.description.utf8.count < 500)
    }
  }

  @Test("keeps the order of keys, and compares objects without it") func order() throws {
    let (first, second) = try (value("{ b = 1, a = 2 }"), value("{ a = 2\n b = 1 }"))
    #expect(first == second)
    #expect(first.hashValue == second.hashValue)
    #expect(first != .object(["a": .int(2)]))
    let object = try #require(first.object)
    #expect(object.keys == ["b", "a"])
    #expect(object.entries.map(\.key) == ["b", "a"])
    #expect(object.entries.map(\.value) == [.int(1), .int(2)])
  }
}

/// The value that a text stands for, right of an equals sign.
func value(_ text: String) throws -> HCLValue {
  try #require(try HCLDocument(parsing: "a = \(text)\n", file: "f.hcl").attributes["a"])
}

extension HCLObject: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, HCLValue)...) {
    self.init()
    for (key, value) in elements { #expect(add(value, for: key)) }
  }
}

extension HCLValue {
  var object: HCLObject? {
    guard case .object(let object) = self else { return nil }
    return object
  }
}
