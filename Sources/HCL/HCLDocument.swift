import Faults

/// A file of OpenBao's configuration language, read without OpenBao.
///
/// OpenBao reads HCL 1 (`github.com/hashicorp/hcl` v1), and people know the HCL native syntax specification (HCL 2,
/// `hclsyntax/spec.md`). A form that both accept with different values is refused, so that a text means here what it
/// means to OpenBao: templates and their escapes, numbers with a leading zero, and markers of heredocs at another
/// indentation. Expressions, functions and references are refused too. What HCL 2 has and OpenBao does not accept is
/// read all the same: `null`, and `:` in objects.
///
/// No error repeats quoted text, except a key that is given twice.
package struct HCLDocument: Hashable, Sendable {
  /// In bytes of UTF-8.
  package static let longestText = 1 << 20
  /// Blocks, lists and objects inside each other.
  package static let deepestNesting = 32

  package let attributes: HCLObject
  package let blocks: [HCLBlock]

  /// - Parameter file: The file's name, or what the reader calls the text.
  /// - Throws: `Fault(.invalid)` with file, line, column (in Unicode scalars), what was found and what was expected.
  package init(parsing text: String, file: String) throws {
    var parser = Parser(try Cursor(text, file: file))
    let body = try parser.document()
    (attributes, blocks) = (body.attributes, body.blocks)
  }
}

/// A body in braces with its type and labels: `request "kv" { … }`.
package struct HCLBlock: Hashable, Sendable {
  package let type: String
  package let labels: [String]
  package let attributes: HCLObject
  package let blocks: [HCLBlock]
  /// The line of the type, counted from one.
  package let line: Int
}
