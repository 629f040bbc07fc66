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
    return InstanceLayout(stateDirectory: physicalPath(directory), instance: name)
  }
}

/// The path without links, as the kernel tells it of processes and mounts; what does not exist yet stays as it is.
private func physicalPath(_ path: String) -> String {
  var existing = URL(filePath: path).standardizedFileURL
  var missing: [String] = []
  while existing.path != "/" {
    if let resolved = realpath(existing.path, nil) {
      defer { free(resolved) }
      return ([String(cString: resolved)] + missing.reversed()).joined(separator: "/")
    }
    missing.append(existing.lastPathComponent)
    existing.deleteLastPathComponent()
  }
  return "/" + missing.reversed().joined(separator: "/")
}

/// Parses an argument into a value, with the value's own rule in the error.
@Sendable func parseText<Value: ParsedText>(_ text: String) throws -> Value {
  guard let value = Value(text) else { throw ValidationError("'\(text)' is not \(Value.rule)") }
  return value
}
