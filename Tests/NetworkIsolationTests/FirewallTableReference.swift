/// The table of instance ref-1 with the agent of slot 5, read by a person before it was put here.
let firewallTableReference = """
  table inet lobstack_ref_1 {
  	counter spoof {
  	}

  	counter ipv6 {
  	}

  	counter denied_destination {
  	}

  	counter host {
  	}

  	counter egress {
  	}

  	counter ingress {
  	}

  	set agent_interfaces {
  		type ifname
  		size 16384
  		elements = { "lb9e82-5" }
  	}

  	set agent_sources {
  		type ifname . ipv4_addr
  		size 16384
  		elements = { "lb9e82-5" . 10.66.0.22 }
  	}

  	set denied_destinations {
  		type ipv4_addr
  		flags interval
  		elements = { 10.0.0.0/8, 169.254.0.0/16 }
  	}

  	set denied_destinations_ipv6 {
  		type ipv6_addr
  		flags interval
  		elements = { ::1/128, fc00::/7 }
  	}

  	set sender_log_budget {
  		type ifname
  		size 16384
  		flags dynamic,timeout
  		timeout 1m
  	}

  	set receiver_log_budget {
  		type ifname
  		size 16384
  		flags dynamic,timeout
  		timeout 1m
  	}

  	chain source {
  		type filter hook prerouting priority raw; policy accept;
  		iifname != @agent_interfaces return
  		iifname . ip saddr != @agent_sources goto deny_spoof
  		ip daddr != 10.66.0.0/16 ip daddr @denied_destinations goto deny_denied_destination
  		ip6 daddr @denied_destinations_ipv6 goto deny_denied_destination
  		meta nfproto ipv6 goto deny_ipv6
  	}

  	chain destination {
  		type filter hook prerouting priority filter; policy accept;
  		iifname @agent_interfaces fib daddr type != local goto deny_egress
  	}

  	chain input {
  		type filter hook input priority filter; policy accept;
  		iifname @agent_interfaces goto deny_host
  	}

  	chain forward {
  		type filter hook forward priority filter; policy accept;
  		iifname @agent_interfaces goto deny_egress
  		oifname @agent_interfaces goto deny_ingress
  	}

  	chain output {
  		type filter hook output priority filter; policy accept;
  		oifname @agent_interfaces goto deny_ingress
  	}

  	chain deny_spoof {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack spoof" group 40578 snaplen 96
  		counter name spoof drop
  	}

  	chain deny_ipv6 {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack ipv6" group 40578 snaplen 96
  		counter name ipv6 drop
  	}

  	chain deny_denied_destination {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack denied-destination" group 40578 snaplen 96
  		counter name denied_destination drop
  	}

  	chain deny_host {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack host" group 40578 snaplen 96
  		counter name host drop
  	}

  	chain deny_egress {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack egress" group 40578 snaplen 96
  		counter name egress drop
  	}

  	chain deny_ingress {
  		update @receiver_log_budget { oifname limit rate 20/second burst 40 packets } log prefix "lobstack ingress" group 40578 snaplen 96
  		counter name ingress drop
  	}

  }

  """
