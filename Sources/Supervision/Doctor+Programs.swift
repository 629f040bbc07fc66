import AgentModel
import ChildProcess
import Faults
import Foundation
import Sandbox

extension Doctor {
  struct Program: Sendable {
    var name: String
    var versionArguments: [String]
    var debianPackage: String
  }

  static let programs = [
    Program(name: "nft", versionArguments: ["--version"], debianPackage: "nftables"),
    Program(name: "ip", versionArguments: ["-Version"], debianPackage: "iproute2"),
    Program(name: "skopeo", versionArguments: ["--version"], debianPackage: "skopeo"),
    Program(name: "umoci", versionArguments: ["--version"], debianPackage: "umoci"),
    Program(name: "setpriv", versionArguments: ["--version"], debianPackage: "util-linux"),
    Program(name: "nsenter", versionArguments: ["--version"], debianPackage: "util-linux"),
    Program(name: "mkfs.ext4", versionArguments: ["-V"], debianPackage: "e2fsprogs"),
    Program(name: "gocryptfs", versionArguments: ["--version"], debianPackage: "gocryptfs"),
    Program(name: "fusermount", versionArguments: ["--version"], debianPackage: "fuse3"),
    Program(name: "mount", versionArguments: ["--version"], debianPackage: "mount"),
  ]

  /// What the platform runs without, and who needs it.
  private static let programsOfSome = [
    (Program(name: "lego", versionArguments: ["--version"], debianPackage: "lego"), "--domain needs it"),
    (Program(name: "age", versionArguments: ["--version"], debianPackage: "age"), "'lobstack backup' needs it"),
    (Program(name: "tar", versionArguments: ["--version"], debianPackage: "tar"), "'lobstack backup' needs it"),
  ]

  /// - Returns: `nil` when the program is there.
  func missing(_ program: Program) -> Finding? {
    guard Command.locate(program.name) == nil else { return nil }
    return .fail(
      program.name, "there is no such program", remedy: "run scripts/setup, or: apt install \(program.debianPackage)")
  }

  func programs() async -> [Finding] {
    var findings: [Finding] = []
    for program in Self.programs {
      if let missing = missing(program) {
        findings.append(missing)
        continue
      }
      findings.append(await version(of: program))
    }
    for (program, use) in Self.programsOfSome {
      if let missing = missing(program) {
        findings.append(.warn(program.name, "\(missing.detail); \(use)", remedy: missing.remedy ?? ""))
      } else {
        findings.append(await version(of: program))
      }
    }
    return findings
  }

  private func version(of program: Program) async -> Finding {
    do {
      let result = try await Command(program.name, program.versionArguments).run(timeout: .seconds(5))
      let text = result.standardOutput + result.standardError
      let line = text.split(separator: "\n").first.map(String.init) ?? "no version told"
      return .ok(program.name, "\(line) at \(Command.locate(program.name) ?? program.name)")
    } catch {
      return .warn(program.name, "it does not tell its version: \(error)", remedy: "reinstall \(program.debianPackage)")
    }
  }

  /// The programs that no distribution packages, as far as they are missing.
  func missingPinned() -> [Finding] {
    [(PinnedProgram.envoy, configuration.envoy), (.openBao, configuration.openBao)].compactMap { program, named in
      do {
        _ = try program.locate(named)
        return nil
      } catch let fault as Fault {
        return .fail(program.name.lowercased(), fault.reason, remedy: fault.remedy)
      } catch {
        return .fail(program.name.lowercased(), "\(error)", remedy: "run scripts/setup")
      }
    }
  }

  /// Envoy and OpenBao: where they are, what they are, and their digests, to compare with upstream's signed releases.
  func pinned() async -> [Finding] {
    await pinned(.envoy, configuration.envoy) + pinned(.openBao, configuration.openBao)
  }

  private func pinned(_ program: PinnedProgram, _ named: String?) async -> [Finding] {
    let check = program.name.lowercased()
    do {
      let path = try program.locate(named)
      let text = try await Command(path, ["--version"]).check(timeout: .seconds(10))
      let version = text.split(separator: "version:").last?.split(separator: "\n").first ?? "of unknown version"
      let digest = try await Command("sha256sum", [path]).check().prefix(64)
      return [
        .ok(check, "\(version.trimmingCharacters(in: .whitespaces)) at \(path)"),
        .ok("\(check) digest", "sha256:\(digest)"),
      ]
    } catch let fault as Fault {
      return [.fail(check, fault.reason, remedy: fault.remedy)]
    } catch {
      return [.fail(check, "\(error)", remedy: "run scripts/setup")]
    }
  }

  /// gVisor: where it is, what it is, and which platform it can use, probed with a time limit.
  func runtime() async -> [Finding] {
    do {
      let traits = try await RuntimeTraits.probe(configuration.runtime)
      var findings = [Finding.ok("runsc", "\(traits.version) at \(traits.executable), platform \(traits.platform)")]
      if let line = try? await Command("sha256sum", [traits.executable]).check() {
        // For comparing with the package's; without the sum the check above still holds.
        findings.append(.ok("runsc digest", "sha256:\(line.prefix(64))"))
      }
      if traits.hidesNetworkSettings {
        findings.append(
          .ok("runsc network", "this build needs /proc/sys/net hidden at start on this kernel, which the node does"))
      }
      return findings
    } catch let fault as Fault {
      return [.fail("runsc", fault.reason, remedy: fault.remedy)]
    } catch {
      return [.fail("runsc", "\(error)", remedy: "reinstall the package runsc")]
    }
  }
}
