import KernelFiles

extension Doctor {
  /// Memory with secrets may be written to swap: those of the platform's files in memory are kept out of it, those of
  /// its processes are not.
  func swap() -> Finding {
    // A kernel without swap has no such file.
    Self.swap(table: (try? kernelFile("/proc/swaps")) ?? "")
  }

  /// - Parameter table: /proc/swaps (proc_swaps(5)).
  static func swap(table: String) -> Finding {
    let places = table.split(separator: "\n").dropFirst().compactMap { $0.split(separator: " ").first }
    // Compressed memory is memory; what device mapper holds may be encrypted, and is the operator's to know.
    let open = places.filter {
      !$0.hasPrefix("/dev/zram") && !$0.hasPrefix("/dev/dm-") && !$0.hasPrefix("/dev/mapper/")
    }
    guard !open.isEmpty else { return .ok("swap", places.isEmpty ? "none" : places.joined(separator: ", ")) }
    return .warn(
      "swap", "\(open.joined(separator: ", ")) may hold secrets in the clear",
      remedy: "run 'swapoff -a', or put swap on an encrypted device")
  }
}
