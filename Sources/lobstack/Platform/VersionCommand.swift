import APIModel
import AgentModel
import ArgumentParser

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show the version, or everything that is built in.")

  @Flag(help: "Print a bill of materials (CycloneDX 1.6, JSON).")
  var sbom = false

  func run() throws {
    guard sbom else {
      print("lobstack \(LobstackVersion.current)")
      return
    }
    print(String(decoding: try APIJSON.encode(BillOfMaterials.current, pretty: true), as: UTF8.self))
  }
}
