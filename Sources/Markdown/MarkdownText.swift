/// Text that means nothing to Markdown or HTML, on one line: for what others wrote.
///
/// Marks and tags are escaped, bare addresses make no link (GitHub-flavoured Markdown, "Autolinks"), and what would end
/// the line, control the terminal or turn the direction of writing becomes a space.
package func markdownText(_ text: String) -> String {
  var result = ""
  for character in text.unicodeScalars {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "|", "*", "_", "`", "[", "]", "\\", "#", "~", "$": result += "\\\(character)"
    case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}": result += " "
    case "\u{200E}", "\u{200F}", "\u{061C}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": result += " "
    default: result.unicodeScalars.append(character)
    }
  }
  return result.replacing("://", with: "&#58;//").replacing(/[Ww]{3}\./) { "\($0.output.dropLast())\\." }
}
