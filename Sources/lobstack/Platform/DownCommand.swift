import AgentModel
import ArgumentParser
import Glibc
import Supervision
import Verification

struct DownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "Stop the platform and its agents; workspaces and state stay.")

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var options: PlatformOptions

  @Flag(help: "Also remove every trace of the instance from this machine, its data included.")
  var purge = false

  func run() async throws {
    let platform = try options.platform(instance)
    // What a killed run of verify left is not named after the instance, and its agents go only while the API answers.
    if geteuid() == 0 {
      for failure in try await ProbeSite.reclaim(platform: platform.configuration.layout) {
        tell("left by a run of verify: \(failure)")
      }
    }
    guard purge else {
      try await platform.down { tell($0) }
      print("instance \(platform.configuration.layout.instance) is down")
      return
    }
    for line in try await platform.purge(progress: { tell($0) }) { print("removed \(line)") }
    print("nothing is left of instance \(platform.configuration.layout.instance)")
  }
}
