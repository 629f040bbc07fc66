/// The fields of a call whose message has a form of its own.
struct CallFields {
  var number: UInt64 = 0
  var result = CallResult()
  /// Fields 4 to 11 that are numbers; what each is depends on the call.
  var numbers = CallNumbers()
  var descriptorPath = GuestEvent.noBytes
  /// Field 6, where it is bytes: a path, or an address.
  var text = GuestEvent.noBytes
  private var fourthText = GuestEvent.noBytes

  /// - Returns: whether the message could be read to its end.
  mutating func read(_ message: TraceMessage) -> Bool {
    var reader = WireReader(message.payload)
    while let (field, value) = reader.next() {
      switch (field, value) {
      case (2, .bytes(let bytes)): result.read(bytes)
      case (3, .number(let number)): self.number = number
      case (4, .bytes(let bytes)): fourthText = bytes
      case (5, .bytes(let bytes)): descriptorPath = bytes
      case (6, .bytes(let bytes)): text = bytes
      case (4...9, .number(let number)): numbers[Int(field) - 4] = Int64(bitPattern: number)
      default: break
      }
    }
    return !reader.isMalformed && !result.isMalformed
  }

  private static let currentDirectory: Int64 = -100

  /// Adds to an event what the call says, and to the process what came of it.
  func complete(_ event: GuestEvent, _ kind: TraceMessage.Kind, _ process: GuestProcess, into path: inout [UInt8]) {
    let succeeded = (event.result ?? -1) >= 0
    switch kind {
    case .open: completeOpen(event, process, &path)
    case .connect, .bind, .accept:
      event.shape = kind == .connect ? .connect : kind == .bind ? .bind : .accept
      event.descriptor = numbers[0]
      event.address = SocketAddress(text)
      if kind == .accept, succeeded, let result = event.result {
        event.descriptor = result
        process[result] = process[numbers[0]]
      }
    case .socket:
      event.shape = .socket
      event.numbers = NamedNumbers(("domain", numbers[0]), ("type", numbers[1] & 0xf), ("proto", numbers[2]))
      if succeeded, let result = event.result {
        event.descriptor = result
        process[result] = GuestDescriptor(
          kind: .init(domain: numbers[0]), socketType: numbers[1] & 0xf, socketProtocol: numbers[2])
      }
    case .dup:
      event.numbers = NamedNumbers(("oldfd", numbers[0]), ("newfd", numbers[1]))
      if succeeded, let result = event.result {
        event.descriptor = result
        if let descriptor = process[numbers[0]] { process[result] = descriptor }
      }
    case .close:
      event.descriptor = numbers[0]
      if succeeded { process[numbers[0]] = nil }
    case .setID: event.numbers = NamedNumbers((number == 106 ? "gid" : "uid", numbers[0]))
    case .setResolvedIDs:
      event.numbers =
        number == 119
        ? NamedNumbers(("rgid", numbers[0]), ("egid", numbers[1]), ("sgid", numbers[2]))
        : NamedNumbers(("ruid", numbers[0]), ("euid", numbers[1]), ("suid", numbers[2]))
    case .chdir: event.rawPath = text
    case .chroot: event.rawPath = fourthText
    default: break
    }
  }

  private func completeOpen(_ event: GuestEvent, _ process: GuestProcess, _ path: inout [UInt8]) {
    event.shape = .open
    event.rawPath = text
    event.flags = UInt64(bitPattern: numbers[3])
    event.mode = UInt64(bitPattern: numbers[4])
    // creat(2) is open(2) with these flags.
    if number == 85 { event.flags = 0o1101 }
    event.descriptor = event.result.map { $0 >= 0 ? $0 : -1 }
    if numbers[0] == Self.currentDirectory || number != 257 {
      process.cwd.withUnsafeBytes { GuestPath.resolve(text, in: $0, into: &path) }
    } else {
      GuestPath.resolve(text, in: descriptorPath, into: &path)
    }
    if let result = event.result, result >= 0, process[result] != nil {
      // A socket was there before.
      process[result] = nil
    }
  }
}

extension GuestDescriptor.Kind {
  init(domain: Int64) {
    switch domain {
    case 1: self = .unix
    case 2: self = .ipv4
    case 10: self = .ipv6
    case 16: self = .netlink
    case 17: self = .packet
    default: self = .other
    }
  }
}

/// How a call ended.
struct CallResult {
  /// What it gave, or the negative number of the error; `nil` when it has not ended.
  private(set) var value: Int64?
  private(set) var isMalformed = false

  mutating func read(_ bytes: UnsafeRawBufferPointer) {
    var (result, error) = (Int64(0), Int64(0))
    var reader = WireReader(bytes)
    while let (field, value) = reader.next() {
      guard case .number(let number) = value else { continue }
      if field == 1 { result = Int64(bitPattern: number) }
      if field == 2 { error = Int64(truncatingIfNeeded: number & 0xfff) }
    }
    isMalformed = reader.isMalformed
    value = error != 0 ? -error : result
  }
}

/// Up to six numbers of a call.
struct CallNumbers {
  private var values: (Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0)

  subscript(index: Int) -> Int64 {
    get {
      switch index {
      case 0: values.0
      case 1: values.1
      case 2: values.2
      case 3: values.3
      case 4: values.4
      case 5: values.5
      default: 0
      }
    }
    set {
      switch index {
      case 0: values.0 = newValue
      case 1: values.1 = newValue
      case 2: values.2 = newValue
      case 3: values.3 = newValue
      case 4: values.4 = newValue
      case 5: values.5 = newValue
      default: break
      }
    }
  }
}
