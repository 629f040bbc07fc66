import Files
import Foundation
import Glibc

/// Standard input of a program that the supervisor keeps: at its end the supervisor is gone, or wants the program gone.
enum Lifeline {
  /// - Parameter atEnd: called once, on a thread of its own; never when standard input is a terminal or a file.
  static func watch(_ atEnd: @escaping @Sendable () -> Void) {
    guard FileStatus(descriptor: STDIN_FILENO)?.isPipe == true else { return }
    // The read blocks for as long as the supervisor lives.
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      atEnd()
    }
    thread.stackSize = 128 << 10
    thread.start()
  }
}
