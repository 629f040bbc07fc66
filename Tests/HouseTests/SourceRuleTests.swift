import Foundation
import Testing

@Suite("The sources") struct SourceRuleTests {
  private static let longestFile = 400

  @Test("fit on few screens: no file is longer than 400 lines") func short() throws {
    let files = try House.files(in: "Sources", suffix: "")
      .filter { ["swift", "c", "h"].contains(URL(filePath: $0).pathExtension) }
    for file in files {
      let lines = try House.text(file).split(separator: "\n", omittingEmptySubsequences: false).count
      #expect(lines <= Self.longestFile + 1, "\(file) has \(lines) lines")
    }
  }

  @Test(
    "do nothing that crashes where an error could be told",
    arguments: ["try!", "fatalError(", " as! ", "Task.detached", "preconditionFailure("]) func neverCrash(
      _ words: String
    ) throws
  {
    for file in try House.files(in: "Sources", suffix: ".swift") {
      for (number, line) in try House.text(file).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        #expect(!code(of: line).contains(words), "\(file):\(number + 1)")
      }
    }
  }

  @Test("read the kernel's files to their end, which Foundation does not") func kernelFiles() throws {
    for file in try House.files(in: "Sources", suffix: ".swift") {
      let text = try House.text(file)
      #expect(!text.contains(/contents(OfFile|\(atPath): "\/(proc|sys)\//), "\(file)")
    }
  }

  @Test("hold finished work: no marker of work that is left") func finished() throws {
    for directory in ["Sources", "examples", "policy", "scripts"] {
      for file in try House.files(in: directory, suffix: "") {
        // Byte code and other binaries are nobody's source.
        guard let text = try? House.text(file) else { continue }
        for marker in ["TO" + "DO", "FIX" + "ME", "XX" + "X:"] {
          #expect(!text.contains(marker), "\(file) holds \(marker)")
        }
      }
    }
  }

  @Test("are built with no unsafe flag") func noUnsafeFlags() throws {
    #expect(!(try House.text("Package.swift")).contains("unsafeFlags"))
  }

  @Test("pin every package to one version") func pinned() throws {
    let lines = try House.text("Package.swift").split(separator: "\n").filter { $0.contains(".package(url:") }
    #expect(!lines.isEmpty)
    for line in lines { #expect(line.contains("exact:"), "\(line)") }
  }
}

/// The line without a comment at its end.
private func code(of line: Substring) -> Substring {
  guard let comment = line.firstRange(of: "//") else { return line }
  return line[..<comment.lowerBound]
}
