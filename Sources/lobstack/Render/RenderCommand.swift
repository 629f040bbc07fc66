import ArgumentParser

struct RenderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "render", abstract: "Print what is enforced as documents for another target.",
    subcommands: [RenderKubernetesCommand.self])
}
