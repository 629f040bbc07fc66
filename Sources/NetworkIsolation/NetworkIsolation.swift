// NetworkIsolation
