import Instruments

/// How writing audit records goes.
struct AuditMetrics: Sendable {
  let appends = Histogram(
    "lobstack_audit_append_duration_seconds", "From the wish for a record until it is on the disk.")
  let failures = Counter(
    "lobstack_audit_append_failures_total", "Records that could not be written; what they were of was refused.")
}
