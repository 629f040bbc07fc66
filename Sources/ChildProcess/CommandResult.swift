import Subprocess

/// How a program ended.
package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)

  init(_ status: TerminationStatus) {
    switch status {
    case .exited(let code): self = .exited(code)
    case .signaled(let signal): self = .signalled(signal)
    }
  }

  /// The code that a shell would report: 128 + signal for a death by signal.
  package var code: Int32 {
    switch self {
    case .exited(let code): code
    case .signalled(let signal): 128 + signal
    }
  }

  package var description: String {
    switch self {
    case .exited(let code): "ended with exit code \(code)"
    case .signalled(let signal): "was ended by signal \(signal)"
    }
  }
}

package struct CommandResult: Sendable {
  package var status: ExitStatus
  package var standardOutput: String
  package var standardError: String
}

/// Some bytes of a running program's output.
package enum OutputPiece: Sendable {
  case standardOutput([UInt8])
  case standardError([UInt8])
}

extension CommandResult {
  init(_ status: TerminationStatus, _ output: [UInt8], _ error: [UInt8]) {
    self.init(
      status: ExitStatus(status), standardOutput: String(decoding: output, as: UTF8.self),
      standardError: String(decoding: error, as: UTF8.self))
  }
}
