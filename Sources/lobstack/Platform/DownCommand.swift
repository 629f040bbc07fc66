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
      await reclaim(platform)
    }
    guard purge else {
      try await platform.down { tell($0) }
      print("instance \(platform.configuration.layout.instance) is down")
      return
    }
    // A run that was under way is ended then, and may have been cut off in its own clean-up.
    let removed = try await platform.purge(progress: { tell($0) }, beforeRemoval: { await reclaim(platform) })
    for line in removed { print("removed \(line)") }
    print("nothing is left of instance \(platform.configuration.layout.instance)")
  }

  /// Nothing of it keeps the platform from ending.
  private func reclaim(_ platform: Platform) async {
    do {
      for failure in try await ProbeSite.reclaim(platform: platform.configuration.layout) {
        tell("left by a run of verify: \(failure)")
      }
    } catch {
      tell("left by a run of verify: \(error)")
    }
  }
}
