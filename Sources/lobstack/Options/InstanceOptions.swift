import AgentModel
import ArgumentParser
import Faults
import Foundation

/// Which instance of the platform a command is about.
struct InstanceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Directory above the instance's files (default: $LOBSTACK_STATE_DIR or \(InstanceLayout.defaultStateDirectory)).",
      valueName: "directory"), completion: .directory)
  var stateDir: String?

  @Option(
    help: ArgumentHelp("Name of the instance (default: $LOBSTACK_INSTANCE or 'default').", valueName: "name"),
    transform: parseText)
  var instance: InstanceName?

  /// - Throws: `Fault(.invalid)` when an environment variable breaks the rule of what it stands for.
  func layout() throws -> InstanceLayout {
    let environment = ProcessInfo.processInfo.environment
    let directory = stateDir ?? environment["LOBSTACK_STATE_DIR"] ?? InstanceLayout.defaultStateDirectory
    var name = instance ?? .default
    if instance == nil, let text = environment["LOBSTACK_INSTANCE"], !text.isEmpty {
      guard let parsed = InstanceName(text) else {
        throw Fault(
          .invalid, operation: "read LOBSTACK_INSTANCE", reason: "'\(text)' is not \(InstanceName.rule)",
          remedy: "set it to an instance name, or unset it")
      }
      name = parsed
    }
    return InstanceLayout(stateDirectory: URL(filePath: directory).standardizedFileURL.path, instance: name)
  }
}

/// Parses an argument into a value, with the value's own rule in the error.
@Sendable func parseText<Value: ParsedText>(_ text: String) throws -> Value {
  guard let value = Value(text) else { throw ValidationError("'\(text)' is not \(Value.rule)") }
  return value
}
