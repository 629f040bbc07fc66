import Markdown
import Testing

@Suite("Text of others in Markdown") struct MarkdownTextTests {
  @Test(
    "means nothing there",
    arguments: [
      ("a | b", "a \\| b"), ("<script>", "&lt;script&gt;"), ("&lt;", "&amp;lt;"), ("[x](y)", "\\[x\\](y)"),
      ("*_`#~\\$", "\\*\\_\\`\\#\\~\\\\\\$"), ("two\r\nlines\u{2028}", "two  lines "), ("\u{1B}[2J\u{9B}", " \\[2J "),
      ("\u{202E}gnp.exe\u{2066}", " gnp.exe "), ("see https://evil.example", "see https&#58;//evil.example"),
      ("www.evil.example WWW.x", "www\\.evil.example WWW\\.x"), ("plain (text): 1.5 – é", "plain (text): 1.5 – é"),
    ])
  func inert(text: String, expected: String) { #expect(markdownText(text) == expected) }
}
