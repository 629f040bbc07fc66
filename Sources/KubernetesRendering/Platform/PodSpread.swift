import Documents

extension Platform {
  /// Over zones and machines as evenly as can be.
  ///
  /// Pods of the Deployment's former template do not count, which are gone when its change is done. Nor do nodes whose
  /// taints keep these Pods away: with them no third Pod would have a place on two nodes that are left.
  ///
  /// - Parameter waits: never two on a node while another has none, though that may be full: one more waits for it then.
  ///   What every request or change goes through does not.
  static func spread(_ selector: LabelSelector, waits: Bool = true) -> [PodTemplate.TopologySpread] {
    [(WellKnownLabel.zone, false), (WellKnownLabel.host, waits)].map { key, waits in
      PodTemplate.TopologySpread(
        topologyKey: key, whenUnsatisfiable: waits ? "DoNotSchedule" : "ScheduleAnyway", labelSelector: selector,
        matchLabelKeys: ["pod-template-hash"], nodeTaintsPolicy: "Honor")
    }
  }
}
