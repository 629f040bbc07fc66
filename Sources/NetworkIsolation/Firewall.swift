import ChildProcess
import Faults

/// The kernel's copy of the table, through `nft`.
actor Firewall {
  private static let timeout = Duration.seconds(30)
  private let table: FirewallTable
  private var reference: TableListing?
  /// The table as this node put it in force.
  private(set) var installed: InstalledTable?

  init(table: FirewallTable) { self.table = table }

  func remember(_ table: InstalledTable) { installed = table }

  /// Runs one transaction.
  nonisolated func apply(_ text: String) async throws {
    try await Command("nft", ["-f", "-"]).check(input: Array(text.utf8), timeout: Self.timeout)
  }

  /// The table as the kernel has it; `nil` when there is none.
  nonisolated func listing() async throws -> TableListing? {
    let result = try await Command("nft", ["-j", "list", "table", "inet", table.name]).run(
      timeout: Self.timeout, outputLimit: 64 << 20)
    if result.status == .exited(0) { return try TableListing(json: result.standardOutput) }
    guard try await !isThere() else {
      throw Fault(
        .failed, operation: "list nft table inet \(table.name)",
        reason: "nft \(result.status): \(result.standardError.prefix(300))",
        remedy: "run 'nft list table inet \(table.name)' by hand to see what it says")
    }
    return nil
  }

  /// Whether there is a table of that name, whatever is in it.
  nonisolated func isThere() async throws -> Bool { try await tables().contains(table.name) }

  /// The names of every table of family inet.
  nonisolated func tables() async throws -> [String] {
    let text = try await Command("nft", ["list", "tables", "inet"]).check(timeout: Self.timeout)
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      return words.count == 3 && words[0] == "table" ? String(words[2]) : nil
    }
  }

  /// What the kernel's listing of the untouched table looks like.
  ///
  /// Made by loading the rendered text in a network namespace of its own, which nothing else can reach: the kernel and
  /// nft of this machine print both listings, and a table that was changed after its installation cannot be taken for
  /// the reference.
  ///
  /// - Parameter live: the table that is compared with it. Where they differ it is made anew: another nft than before may
  ///   print it otherwise.
  func expected(for live: TableListing?) async throws -> TableListing {
    if let reference, live.map({ $0.objects == reference.objects }) ?? true { return reference }
    let script = "nft -f - && exec nft -j list table inet \"$0\""
    let json = try await Command("unshare", ["--net", "sh", "-c", script, table.name]).check(
      input: Array(table.text().utf8), timeout: Self.timeout)
    let listing = try TableListing(json: json)
    reference = listing
    return listing
  }
}
