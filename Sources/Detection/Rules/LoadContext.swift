import Manifests

/// Where in rules something stands: from the file down to the part of a condition.
package struct LoadContext: Hashable, Sendable {
  package enum Item: String, Hashable, Sendable {
    case valueFor = "value for"
    case exceptions
    case exception
    case exceptionValues = "exception values"
    case exceptionValue = "exception value"
    case rulesContent = "rules content"
    case rulesContentItem = "rules content item"
    case requiredEngineVersion = "required_engine_version"
    case requiredPluginVersions = "required plugin versions"
    case requiredPluginVersionsEntry = "required plugin versions entry"
    case requiredPluginVersionsAlternative = "required plugin versions alternative"
    case list
    case listItem = "list item"
    case macro
    case macroCondition = "macro condition"
    case rule
    case ruleCondition = "rule condition"
    case conditionExpression = "condition expression"
    case ruleOutput = "rule output"
    case rulePriority = "rule priority"
    case overrides
  }

  package struct Location: Hashable, Sendable {
    /// The file's name, or the beginning of a condition.
    package var name: String
    package var mark: YAMLNode.Mark
    package var item: Item
    package var itemName: String
  }

  package private(set) var locations: [Location]
  /// The condition that the last location is in.
  private(set) var condition: String?

  /// A whole file.
  init(file: String) {
    locations = [Location(name: file, mark: YAMLNode.Mark(), item: .rulesContent, itemName: "")]
  }

  var file: String { locations.first?.name ?? "" }

  func inside(_ node: YAMLNode, _ item: Item, _ name: String = "") -> LoadContext {
    var context = self
    context.locations.append(Location(name: file, mark: node.mark, item: item, itemName: name))
    return context
  }

  /// A place in a condition; `nil` for the whole of it.
  func inside(condition: String, at position: TextPosition?) -> LoadContext {
    let isLong = condition.utf8.count > 20
    let beginning = String(decoding: condition.utf8.prefix(isLong ? 17 : 20), as: UTF8.self)
    let name = "\"\(beginning)\(isLong ? "..." : "")\"".map { $0 == "\n" || $0 == "\r" ? " " : $0 }
    let parent = locations.last?.mark ?? YAMLNode.Mark()
    // Falco adds up the places, though one counts from 1 and the other from 0.
    let mark = YAMLNode.Mark(
      offset: parent.offset + (position?.offset ?? 0), line: parent.line + (position?.line ?? 0),
      column: parent.column + (position?.column ?? 0))
    var context = self
    context.locations.append(Location(name: String(name), mark: mark, item: .conditionExpression, itemName: ""))
    context.condition = condition
    return context
  }
}

extension LoadContext: CustomStringConvertible {
  package var description: String {
    locations.enumerated().map { index, location in
      let name = location.itemName.isEmpty ? "" : " '\(location.itemName)'"
      return "\(index == 0 ? "In " : "    ")\(location.item.rawValue)\(name): "
        + "(\(location.name):\(location.mark.line):\(location.mark.column))\n"
    }.joined()
  }

  /// As `snippet(of:)`, of the file that it is in.
  func snippet(in texts: [String: String]) -> String { snippet(of: texts[file] ?? "") }

  /// The line that it points to, and below it a mark.
  ///
  /// - Parameter file: the text of the file.
  package func snippet(of file: String, width: Int = 160) -> String {
    let text = Array((condition ?? file).utf8)
    guard !text.isEmpty, let mark = locations.last?.mark else { return "<No context available>\n" }
    let newline = UInt8(ascii: "\n")
    var place = mark.offset
    while place > 0, place >= text.count || text[place] == newline { place -= 1 }
    var start = place
    while start > 0, text[start] != newline, place - start < width / 2 { start -= 1 }
    var end = place
    while end < text.count - 1, text[end] != newline, end - place < width / 2 { end += 1 }
    if text[start] == newline { start += 1 }
    if text[end] == newline { end -= 1 }
    // Asked without the newlines: a line that ends just there is whole.
    let isCutBefore = place - start >= width / 2
    let isCutAfter = end - place >= width / 2
    guard start <= end else { return "<No context available>\n" }
    var line = Array(text[start...end])
    if isCutBefore { line.replaceSubrange(..<min(3, line.count), with: "...".utf8) }
    if isCutAfter { line.replaceSubrange(max(0, line.count - 3)..., with: "...".utf8) }
    var result = String(decoding: line, as: UTF8.self) + "\n"
    if place >= start, place - start <= line.count { result += String(repeating: " ", count: place - start) + "^\n" }
    return result
  }
}
