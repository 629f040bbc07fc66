import Documents

extension Platform {
  /// Over zones as evenly as can be, and never two on a node while another node that could take one has none.
  ///
  /// Pods of the Deployment's former template do not count, which are gone when its change is done. Nor do nodes whose
  /// taints keep these Pods away: with them no third Pod would have a place on two nodes that are left.
  static func spread(_ selector: LabelSelector) -> [PodTemplate.TopologySpread] {
    [(WellKnownLabel.zone, "ScheduleAnyway"), (WellKnownLabel.host, "DoNotSchedule")].map { key, otherwise in
      PodTemplate.TopologySpread(
        topologyKey: key, whenUnsatisfiable: otherwise, labelSelector: selector, matchLabelKeys: ["pod-template-hash"],
        nodeTaintsPolicy: "Honor")
    }
  }
}
