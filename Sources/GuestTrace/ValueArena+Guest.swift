import Detection

/// Values that are put together from what is known of processes and addresses.
extension ValueArena {
  func append(argumentsOf process: GuestProcess) {
    for (index, argument) in process.arguments.enumerated() {
      if index > 0 { append(byte: UInt8(ascii: " ")) }
      append(argument)
    }
  }

  /// - Parameter name: begin with the program's name, otherwise with its first argument.
  func append(commandLineOf process: GuestProcess, name: Bool) {
    append(name ? process.name : process.executable)
    guard !process.arguments.isEmpty else { return }
    append(byte: UInt8(ascii: " "))
    append(argumentsOf: process)
  }

  func commandLine(_ process: GuestProcess, name: Bool) -> FieldValue {
    begin()
    append(commandLineOf: process, name: name)
    return endString()
  }

  func append(_ address: SocketAddress) {
    switch address {
    case .ip(let address, let port):
      if address.isV6 {
        append(address.description)
      } else {
        for shift in [24, 16, 8, 0] {
          append(decimal: address.low >> UInt64(shift) & 0xff)
          if shift > 0 { append(byte: UInt8(ascii: ".")) }
        }
      }
      append(byte: UInt8(ascii: ":"))
      append(decimal: UInt64(port))
    case .unix(let path): append(path)
    case .other(let family):
      append("family ")
      append(decimal: UInt64(family))
    }
  }

  func string(of address: SocketAddress) -> FieldValue {
    begin()
    append(address)
    return endString()
  }
}
