import Documents

extension Platform {
  /// Falco watches the nodes by eBPF, with the rules of the policy. What happens inside gVisor it cannot see.
  var hostDetection: [ManifestFile] {
    guard values.profile == .full else { return [] }
    return [
      ManifestFile(
        "detection/falco-rules.yaml",
        [ConfigMap(metadata: Self.meta("falco-rules", in: namespaceNames.falco, of: "detection"), data: falcoRules)]),
      ManifestFile("helm/falco-values.yaml", text: falcoValues, isApplied: false),
    ]
  }

  /// The rules of the policy, by file.
  var falcoRules: [String: String] {
    let files = texts.files(below: "falco").filter { $0.path.hasSuffix(".yaml") && !$0.path.contains("/samples/") }
    var data = Dictionary(files.map { (String($0.path.dropFirst("falco/".count)), $0.text) }) { first, _ in first }
    if let cluster = clusterRules { data["zz_cluster.yaml"] = cluster }
    return data
  }

  /// Files are read in alphabetical order, so that this changes the rules' lists and not their text. A list has addresses
  /// and no ranges; `nil` when there are only ranges.
  private var clusterRules: String? {
    let addresses = values.network.apiServers.filter { $0.hasSuffix("/32") }.map { "'\"\($0.dropLast(3))\"'" }
    guard !addresses.isEmpty else { return nil }
    return """
      # What differs in this cluster.
      - list: k8s_api_ips
        items: [\(addresses.joined(separator: ", "))]
        override: {items: append}

      """
  }

  private var falcoValues: String {
    """
    # Values of Falco's chart (9.1, Falco 0.44): helm install falco falcosecurity/falco \\
    #   --namespace \(namespaceNames.falco) --values falco-values.yaml
    driver:
      kind: modern_ebpf
      modernEbpf:
        # Capabilities instead of a privileged container.
        leastPrivileged: true
    collectors:
      containerEngine:
        # The kubelet's runtime and no other: who has Docker's socket has the node.
        engines:
          docker: {enabled: false}
          podman: {enabled: false}
          lxc: {enabled: false}
          libvirt_lxc: {enabled: false}
          bpm: {enabled: false}
    falcosidekick:
      enabled: false
    # Nothing is downloaded while it runs: the image has the container plugin, and the rules are ours.
    falcoctl:
      artifact:
        install:
          enabled: false
        follow:
          enabled: false
    mounts:
      volumes:
        - name: lobstack-rules
          configMap:
            name: falco-rules
      volumeMounts:
        - name: lobstack-rules
          mountPath: /etc/falco/lobstack
          readOnly: true
    falco:
      rules_files: [/etc/falco/lobstack]
      # All rules that match an event count, not only the first.
      rule_matching: all
      json_output: true
      json_include_output_property: true
      json_include_tags_property: true
      time_format_iso_8601: true
      priority: informational
      syslog_output:
        enabled: false

    """
  }
}
