extension GatewayLayout {
  /// Arguments of Envoy itself.
  package func arguments(bootstrap: String) -> [String] {
    [
      "-c", bootstrap, "--concurrency", "1", "--disable-hot-restart", "--reject-unknown-dynamic-fields",
      "--drain-time-s", "10", "--file-flush-interval-msec", "300", "-l", "warning",
      // At their usual level these write a line for each oversized request, which clients would fill the disk with.
      "--component-log-level", "http:critical,filter:critical",
    ]
  }

  /// Whether it needs the right to ports below 1024, which else are root's.
  package var bindsLowPorts: Bool { port < 1024 || plainPort.map { $0 < 1024 } ?? false }

  /// The files without which Envoy ends at once.
  package var secretFiles: [String] {
    [Secret.publicCertificate, Secret.identity, Secret.trust].map { files.path(of: .secret($0)) }
  }
}
