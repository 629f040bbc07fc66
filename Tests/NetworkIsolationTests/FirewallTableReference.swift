let firewallTableReference = ""
