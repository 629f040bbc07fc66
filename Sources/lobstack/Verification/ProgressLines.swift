import Foundation
import Synchronization
import Verification

/// How far `verify` is, on standard error: a line for each check that ended, and on a terminal a bar below them.
final class ProgressLines: Sendable {
  private struct State {
    var total = 0
    var ended = 0
    var isBarShown = false
  }

  private static let width = 30
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state = Mutex(State())

  func take(_ progress: Verify.Progress) {
    state.withLock { state in
      switch progress {
      case .begins(let checks): state.total = checks
      case .ended(let report):
        state.ended += 1
        line(report.progressLine, &state)
      case .note(let text): line(text, &state)
      }
      draw(&state)
    }
  }

  /// Takes the bar away.
  func end() { state.withLock { clear(&$0) } }

  private func line(_ text: String, _ state: inout State) {
    clear(&state)
    tell(text)
  }

  private func clear(_ state: inout State) {
    guard state.isBarShown else { return }
    write("\r\u{1B}[2K")
    state.isBarShown = false
  }

  private func draw(_ state: inout State) {
    guard isTerminal, state.total > 0 else { return }
    clear(&state)
    let full = Self.width * min(state.ended, state.total) / state.total
    let bar = String(repeating: "#", count: full) + String(repeating: "-", count: Self.width - full)
    write("[\(bar)] \(state.ended) of \(state.total)")
    state.isBarShown = true
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
