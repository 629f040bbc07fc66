import Faults
import HCL
import SeededRandom
import Testing

@Suite("The HCL reader, against texts that a generator makes") struct FuzzTests {
  @Test("reads back every document that was written", arguments: 0..<300 as Range<UInt64>)
  func written(seed: UInt64) throws {
    var writer = Writer(seed: seed)
    let (text, attributes, blocks) = writer.document()
    let document = try HCLDocument(parsing: text, file: "f.hcl")
    #expect(document.attributes == attributes, "\(text)")
    #expect(document.attributes.keys == attributes.keys)
    #expect(document.blocks.map { Block(of: $0) } == blocks, "\(text)")
  }

  @Test("refuses a document that is cut anywhere but between its blocks") func truncated() throws {
    let whole = DocumentTests.initialization.dropFirst("# a comment\n".count).dropLast()
    let pieces = [
      ("# é\n", false), (String(whole), true), ("\n\n# b\n", false), ("a x { b = [1, -2e3] }", true), (" \n", false),
    ]
    let text = Array(pieces.map(\.0).joined().utf8)
    var complete: Set<Int> = [0]
    var end = 0
    for (piece, isBlock) in pieces {
      if !isBlock { complete.formUnion(end...(end + piece.utf8.count)) }
      end += piece.utf8.count
      complete.insert(end)
    }
    for length in 0...text.count {
      let cut = String(decoding: text[..<length], as: UTF8.self)
      let result = Result { try HCLDocument(parsing: cut, file: "f.hcl") }
      if complete.contains(length) {
        #expect(throws: Never.self) { try result.get() }
      } else {
        let fault = try #require(throws: Fault.self, "\(cut)") { try result.get() }
        expectPlace(of: fault, in: cut)
      }
    }
  }

  @Test("reads a changed document or names the place of the fault", arguments: 0..<8 as Range<UInt64>)
  func mutated(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "\"", "{", "}", "[", "]", "=", ":", ",", "\n", "\r\n", "<<-EOT\n", "  EOT\n", "${", "$$", "\\", "\\u",
      "#", "/*", "é", "\0",
    ]
    var (read, refused) = (0, 0)
    for round in 0..<500 {
      var writer = Writer(seed: seed << 32 | UInt64(round))
      var bytes = Array((round.isMultiple(of: 2) ? DocumentTests.initialization : writer.document().text).utf8)
      for _ in 0...Int.random(in: 0..<3, using: &random) {
        let start = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 0..<4, using: &random))
        let piece = pieces.randomElement(using: &random) ?? ""
        bytes.replaceSubrange(start..<end, with: Bool.random(using: &random) ? Array(piece.utf8) : [])
      }
      let text = String(decoding: bytes, as: UTF8.self)
      do {
        _ = try HCLDocument(parsing: text, file: "f.hcl")
        read += 1
      } catch {
        expectPlace(of: try #require(error as? Fault), in: text)
        refused += 1
      }
    }
    #expect(read > 20)
    #expect(refused > 100)
  }

  /// The place must be one that an editor can go to: a line of the text, and a column of that line.
  private func expectPlace(of fault: Fault, in text: String) {
    #expect(fault.code == .invalid)
    let place = fault.operation.split(separator: ":").dropFirst().compactMap { Int($0) }
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    guard place.count == 2, lines.indices.contains(place[0] - 1) else {
      Issue.record("\(fault) has no place in:\n\(text)")
      return
    }
    #expect((1...lines[place[0] - 1].count + 1).contains(place[1]), "\(fault) in:\n\(text)")
  }
}

/// A block without its line, which the writer does not count.
struct Block: Equatable {
  var type: String
  var labels: [String]
  var attributes: HCLObject
  var blocks: [Block]

  init(type: String, labels: [String], attributes: HCLObject, blocks: [Block]) {
    (self.type, self.labels, self.attributes, self.blocks) = (type, labels, attributes, blocks)
  }

  init(of block: HCLBlock) {
    self.init(
      type: block.type, labels: block.labels, attributes: block.attributes, blocks: block.blocks.map(Block.init))
  }
}
