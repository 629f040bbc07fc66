/// Text in columns, each as wide as its widest cell.
struct Table {
  private let headers: [String]
  private var rows: [[String]] = []

  init(_ headers: String...) { self.headers = headers }

  mutating func add(_ cells: String...) { rows.append(cells.map(Self.oneLine)) }

  /// - Returns: the lines without an ending newline; trailing spaces are cut.
  func rendered() -> String {
    let lines = headers.isEmpty ? rows : [headers] + rows
    var widths: [Int] = []
    for line in lines {
      for (column, cell) in line.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return lines.map { line in
      let cells = line.enumerated().map { column, cell in
        column == line.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }
      return cells.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// What an agent wrote must not be able to move the cursor or fake a row: control characters are shown as '·'.
  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.unicodeScalars.contains { $0.properties.generalCategory == .control } ? "·" : $0 })
  }
}
