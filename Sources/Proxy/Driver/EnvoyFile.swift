import Foundation
import JSONValues

/// Resources that a running Envoy watches in a file: one subscription of its own.
package struct EnvoyFile: Hashable, Sendable {
  package let source: Source
  package let resources: [JSON]

  package init(_ source: Source, _ resources: [JSON]) {
    self.source = source
    self.resources = resources
  }

  /// What subscribes to the file. Names are of letters, digits, '-', '_' and '.', and do not begin with '.'.
  package enum Source: Hashable, Sendable, CustomStringConvertible {
    /// The secret of that name. Only secrets may hold keys: Envoy shows the others in its dumps and its log.
    case secret(String)
    case clusters
    /// The route table of that name.
    case routes(String)
    case listeners

    package var description: String {
      switch self {
      case .secret(let name): "secret \(name)"
      case .clusters: "clusters"
      case .routes(let name): "routes \(name)"
      case .listeners: "listeners"
      }
    }

    /// Where the file is, below the directory of all.
    package var path: String { "\(kind.rawValue)/\(name).json" }

    /// Its name in a directory that has no others below it.
    package var fileName: String { "\(kind.rawValue)-\(name).json" }

    var kind: Kind {
      switch self {
      case .secret: .secrets
      case .clusters: .clusters
      case .routes: .routes
      case .listeners: .listeners
      }
    }

    var name: String {
      switch self {
      case .secret(let name), .routes(let name): name
      case .clusters, .listeners: kind.rawValue
      }
    }

    var hasGoodName: Bool {
      func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": true
        default: false
        }
      }
      return (1...200).contains(name.utf8.count) && !name.hasPrefix(".") && name.unicodeScalars.allSatisfy(isAllowed)
    }

    /// - Returns: `nil` for a file that no source has.
    init?(kind: Kind, fileName: String) {
      guard fileName.hasSuffix(".json") else { return nil }
      let name = String(fileName.dropLast(".json".count))
      switch kind {
      case .secrets: self = .secret(name)
      case .routes: self = .routes(name)
      case .clusters: self = .clusters
      case .listeners: self = .listeners
      }
      guard self.name == name, hasGoodName else { return nil }
    }
  }

  /// In the order in which they are written: what is referred to comes before what refers to it.
  package enum Kind: String, CaseIterable, Sendable {
    case secrets = "sds"
    case clusters = "cds"
    case routes = "rds"
    case listeners = "lds"
  }
}

/// A file as it lies on disk: its resources and the version in which they changed last.
struct WrittenFile: Hashable, Sendable {
  let resources: String
  let version: String

  init(resources: [JSON], version: String) {
    self.resources = JSON.array(resources).text
    self.version = version
  }

  /// - Returns: `nil` for bytes that `text` did not make.
  init?(text: String) {
    guard text.hasPrefix(Self.start), text.hasSuffix(Self.end),
      let middle = text.range(of: Self.middle, options: .backwards)
    else { return nil }
    resources = String(text[..<middle.lowerBound].dropFirst(Self.start.count))
    version = String(text[middle.upperBound...].dropLast(Self.end.count))
  }

  private static let start = "{\"resources\":"
  private static let middle = ",\"version_info\":\""
  private static let end = "\"}\n"

  /// The bytes of the file, a `DiscoveryResponse`.
  var text: String { Self.start + resources + Self.middle + version + Self.end }
}

typealias FileSet = [EnvoyFile.Source: WrittenFile]

extension FileSet {
  /// Envoy does not start without these two.
  static let empty: FileSet = [
    .clusters: WrittenFile(resources: [], version: "0"), .listeners: WrittenFile(resources: [], version: "0"),
  ]

}
