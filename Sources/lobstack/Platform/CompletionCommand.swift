import ArgumentParser

struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "Print the completion script of a shell: bash, zsh or fish.",
    discussion: "For bash: source <(lobstack completion bash)")

  @Argument(
    help: "bash, zsh or fish.",
    transform: { text in
      guard let shell = CompletionShell(rawValue: text) else {
        throw ValidationError("'\(text)' is not one of bash, zsh, fish")
      }
      return shell
    })
  var shell: CompletionShell

  func run() throws { print(Lobstack.completionScript(for: shell)) }
}
