import Foundation
import Testing

@Suite("The house") struct RoomTests {
  let table: RoomTable
  let targets: [PackageDump.Target]

  init() throws {
    table = try RoomTable(try House.text("Tests/HouseTests/rooms.txt"))
    targets = try PackageDump.read().targets.filter { $0.type != "test" }
  }

  @Test("has the rooms of the table, each with the dependencies that the table allows") func declared() {
    #expect(Set(targets.map(\.name)) == Set(table.rooms.keys))
    for target in targets {
      let imports = Set(target.dependencies.filter { !$0.isProduct }.map(\.name))
      #expect(imports == table.rooms[target.name]?.imports, "room \(target.name) of Package.swift against rooms.txt")
      for product in target.dependencies where product.isProduct {
        #expect(
          table.mayImport(package: product.name, room: target.name), "\(target.name) depends on \(product.name)")
      }
    }
  }

  @Test("imports downward, but for the exceptions that give their reason") func layers() {
    for (name, room) in table.rooms {
      for imported in room.imports {
        guard let layer = table.rooms[imported]?.layer else {
          Issue.record("room \(name) may import \(imported), which is no room")
          continue
        }
        let isException = layer == room.layer && table.beside[imported]?.isEmpty == false
        #expect(layer < room.layer || isException, "\(name) (layer \(room.layer)) imports \(imported) (layer \(layer))")
      }
    }
  }

  @Test("has no exception and no package that nobody uses") func noStaleLines() {
    for name in table.beside.keys {
      let layer = table.rooms[name]?.layer
      #expect(table.rooms.values.contains { $0.layer == layer && $0.imports.contains(name) }, "beside \(name)")
    }
    let used = Set(targets.flatMap { $0.dependencies.filter(\.isProduct).map(\.name) })
    #expect(Set(table.packages.keys) == used)
  }

  @Test("imports in its sources what the table allows, and all of it") func imports() throws {
    // Rooms in C and C++ import no modules.
    for name in table.rooms.keys.sorted() where !["CLinux", "CRE2"].contains(name) {
      let files = try House.files(in: places[name] ?? "Sources/\(name)", suffix: ".swift")
      #expect(!files.isEmpty, "room \(name) has no sources")
      var modules: Set<String> = []
      for file in files {
        for module in importedModules(try House.text(file)) {
          modules.insert(module)
          let allowed =
            toolchain.contains(module) || table.rooms[name]?.imports.contains(module) == true
            || table.mayImport(package: module, room: name)
          #expect(allowed, "\(file) imports \(module)")
        }
      }
      let unused = (table.rooms[name]?.imports ?? []).subtracting(modules)
      #expect(unused.isEmpty, "\(name) depends on rooms that none of its files imports")
    }
  }
}

/// Rooms that do not ship lie elsewhere.
private let places = [
  "Benchmarks": "Benchmarks", "SeededRandom": "Tests/SeededRandom", "TestSupport": "Tests/TestSupport",
  "TraceWriting": "Tests/TraceWriting",
]

/// Modules that come with Swift and cost nothing to link, or are part of every program.
private let toolchain: Set<String> = ["Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization"]

/// The modules that a file imports: `import A`, `@preconcurrency package import A`, `import struct A.B`.
func importedModules(_ source: String) -> [String] {
  source.split(separator: "\n").compactMap { line in
    let words = line.split(separator: " ")
    guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
      words[..<keyword].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains(String($0)) })
    else { return nil }
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
    let name = kinds.contains(String(words[keyword + 1])) ? words[words.count - 1] : words[keyword + 1]
    return name.split(separator: ".").first.map(String.init)
  }
}

private let accessLevels: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
