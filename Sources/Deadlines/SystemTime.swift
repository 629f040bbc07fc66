import CLinux
import Glibc

/// Nanoseconds of one of the kernel's clocks: `CLOCK_MONOTONIC` for deadlines, `CLOCK_REALTIME` for since 1970.
package func nanoseconds(of clock: clockid_t) -> Int64 { lobstack_clock(clock) }

package func nanoseconds(_ duration: Duration) -> Int64 {
  duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
}
