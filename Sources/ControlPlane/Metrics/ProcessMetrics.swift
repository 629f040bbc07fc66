import Glibc
import Instruments
import KernelFiles

/// The control plane's own process, under the names that Prometheus' client libraries give (proc(5)).
enum ProcessMetrics {
  static let cpu = MetricFamily(.counter, "process_cpu_seconds_total", "CPU time of the control plane.")
  static let resident = MetricFamily(.gauge, "process_resident_memory_bytes", "Memory of the control plane.")
  static let virtual = MetricFamily(.gauge, "process_virtual_memory_bytes", "Address space of the control plane.")
  static let start = MetricFamily(.gauge, "process_start_time_seconds", "When the control plane started, since 1970.")
  static let open = MetricFamily(.gauge, "process_open_fds", "File descriptors that the control plane has open.")
  static let most = MetricFamily(.gauge, "process_max_fds", "File descriptors that the control plane may have open.")

  /// What cannot be read has no series.
  static func add(to exposition: inout Exposition) {
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    let page = Double(sysconf(Int32(_SC_PAGESIZE)))
    // The kernel gives what it gives; a scrape goes on without.
    let fields = (try? kernelFile("/proc/self/stat")).map(statistics) ?? []
    func field(_ number: Int) -> Double? { fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil }
    let cpuTicks = field(14).flatMap { user in field(15).map { user + $0 } }
    exposition.add(cpu, cpuTicks.map { $0 / ticks })
    exposition.add(resident, field(24).map { $0 * page })
    exposition.add(virtual, field(23))
    exposition.add(start, field(22).flatMap { ticksSinceBoot in bootTime.map { $0 + ticksSinceBoot / ticks } })
    exposition.add(open, openDescriptors.map(Double.init))
    var limit = rlimit()
    exposition.add(
      most, getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Double(limit.rlim_cur) : nil)
  }

  /// From the third field on, the first after the program's name, which may hold anything.
  private static func statistics(_ text: String) -> [Substring] {
    text.split(separator: ")").last?.split(separator: " ") ?? []
  }

  /// Seconds since 1970.
  private static var bootTime: Double? {
    let text = (try? kernelFile("/proc/stat")) ?? ""  // as above
    let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
    return line?.split(separator: " ").last.flatMap { Double($0) }
  }

  private static var openDescriptors: Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      // Neither "." nor "..".
      if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    // Without the one that reads them.
    return count - 1
  }
}
