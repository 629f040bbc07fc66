import Foundation

/// One try of a program in a sandbox: connect, say something, listen.
struct Dial: Sendable {
  var address: String
  var port: UInt16
  var bytes: [UInt8]
  var isDatagram = false

  enum Answer: Sendable, Hashable {
    case noConnection
    /// Nothing means that the other side closed, or kept silent for two seconds.
    case bytes([UInt8])

    var bytes: [UInt8] {
      switch self {
      case .noConnection: []
      case .bytes(let bytes): bytes
      }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Of an answer in HTTP/1.
    var status: Int? {
      let words = text.prefix(64).split(separator: " ")
      return words.first?.hasPrefix("HTTP/1.") == true ? words.dropFirst().first.flatMap { Int($0) } : nil
    }
  }

  /// A request in HTTP/1.1 that is closed after its answer.
  static func http(_ address: String, _ line: String, host: String, headers: [String] = []) -> Dial {
    let text = ([line, "Host: \(host)", "Connection: close"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    return Dial(address: address, port: 80, bytes: Array(text.utf8))
  }

  /// Prints the number, and the answer in base64; '!' for no connection.
  ///
  /// Not by bash's `printf`: that writes line by line, so a datagram with the byte 10 in it would become two.
  func script(_ number: Int) -> String {
    let text = Data(bytes).base64EncodedString()
    let place = "/dev/\(isDatagram ? "udp" : "tcp")/\(address)/\(port)"
    let listen = isDatagram ? "dd bs=4096 count=1 2>/dev/null" : "cat 2>/dev/null"
    return """
      (timeout 6 bash -c 'trap "" PIPE; exec 3<>\(place) || exit 1; echo "\(text)" | base64 -d >&3
      r=$(timeout 2 \(listen) <&3 | base64 | tr -d "\\n"); echo "#\(number) $r"' 2>/dev/null || echo "#\(number) !") &
      """
  }
}

extension Target {
  /// Makes the tries, a few at a time: each costs the sandbox some processes.
  ///
  /// - Parameter byProgram: the agent's own program makes them, for which no process of the platform is needed.
  func dial(_ dials: [Dial], byProgram: Bool = false) async throws -> [Dial.Answer] {
    let scripts = dials.enumerated().map { $1.script($0) }
    let batches = stride(from: 0, to: scripts.count, by: 6).map { start in
      scripts[start..<min(start + 6, scripts.count)].joined(separator: "\n") + "\nwait"
    }
    let (script, limit) = (batches.joined(separator: "\n"), Duration.seconds(10 + 8 * batches.count))
    let output = byProgram ? try await runByProgram(script, limit: limit) : try await run(script, limit).output
    var answers: [Int: Dial.Answer] = [:]
    for line in output.split(separator: "\n") where line.hasPrefix("#") {
      let words = line.dropFirst().split(separator: " ")
      guard let number = words.first.flatMap({ Int($0) }), answers[number] == nil else { continue }
      let text = words.dropFirst().first.map(String.init) ?? ""
      answers[number] = text == "!" ? .noConnection : .bytes(Data(base64Encoded: text).map(Array.init) ?? [])
    }
    return try dials.indices.map { number in
      guard let answer = answers[number] else {
        throw NotTestable("the script in \(name) did not tell of its try \(number): \(output.suffix(200))")
      }
      return answer
    }
  }
}
