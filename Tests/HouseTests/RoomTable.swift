/// The checked-in table of rooms, `rooms.txt`; its own first lines explain it.
struct RoomTable {
  struct Room: Equatable {
    var layer: Int
    var imports: Set<String>
  }

  private(set) var rooms: [String: Room] = [:]
  /// Rooms that their own layer may import, with the reason.
  private(set) var beside: [String: String] = [:]
  /// Which rooms may import a module from outside; empty means all.
  private(set) var packages: [String: Set<String>] = [:]

  struct BadLine: Error { var line: String }

  init(_ text: String) throws {
    var layer = 0
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: ":", maxSplits: 1)
      let words = parts[0].split(separator: " ").map(String.init)
      let rest = parts.count == 2 ? parts[1].split(separator: " ").map(String.init) : []
      switch words.first {
      case "layer":
        guard words.count > 1, let number = Int(words[1]) else { throw BadLine(line: String(line)) }
        layer = number
      case "room" where words.count == 2: rooms[words[1]] = Room(layer: layer, imports: Set(rest))
      case "beside" where words.count == 2: beside[words[1]] = rest.joined(separator: " ")
      case "package" where words.count == 2: packages[words[1]] = Set(rest == ["*"] ? [] : rest)
      default: throw BadLine(line: String(line))
      }
    }
  }

  func mayImport(package module: String, room: String) -> Bool {
    guard let allowed = packages[module] else { return false }
    return allowed.isEmpty || allowed.contains(room)
  }
}
