import APIModel
import AgentModel

/// What is built into the program, as CycloneDX 1.6 JSON (cyclonedx.org/docs/1.6/json).
struct BillOfMaterials: Encodable {
  struct Component: Encodable {
    var type = "library"
    var name: String
    var version: String
    /// Package URL (the `swift` type of github.com/package-url/purl-spec).
    var purl: String

    init(_ path: String, _ version: String) {
      name = path.split(separator: "/").last.map(String.init) ?? path
      self.version = version
      purl = "pkg:swift/github.com/\(path)@\(version)"
    }
  }

  struct Metadata: Encodable {
    struct Program: Encodable {
      var type = "application"
      var name = "lobstack"
      var version = LobstackVersion.current
    }

    var component = Program()
  }

  var bomFormat = "CycloneDX"
  var specVersion = "1.6"
  var version = 1
  var metadata = Metadata()
  var components: [Component]

  /// The pins of Package.swift; a test compares the two.
  static let current = BillOfMaterials(components: [
    Component("apple/swift-argument-parser", "1.8.2"),
    Component("apple/swift-asn1", "1.7.4"),
    Component("apple/swift-certificates", "1.21.1"),
    Component("apple/swift-crypto", "4.5.2"),
    Component("apple/swift-http-types", "1.8.0"),
    Component("apple/swift-log", "1.16.2"),
    Component("apple/swift-nio", "2.101.2"),
    Component("apple/swift-nio-http2", "1.46.0"),
    Component("apple/swift-nio-ssl", "2.37.6"),
    Component("apple/swift-system", "1.8.1"),
    Component("attaswift/BigInt", "6.0.1"),
    Component("groue/GRDB.swift", "7.10.0"),
    Component("hummingbird-project/hummingbird", "2.28.1"),
    Component("jpsim/Yams", "6.2.2"),
    Component("swift-server/async-http-client", "1.37.0"),
    Component("swift-server/swift-service-lifecycle", "2.13.0"),
    Component("swiftlang/swift-subprocess", "1.0.2"),
  ])
}
