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

  	counter flood {
  	}

  	counter egress {
  	}

  	counter ingress {
  	}

  	counter upstream {
  	}

  	set agent_interfaces {
  		type ifname
  		size 16383
  		elements = { "lb9e82-5" }
  	}

  	set agent_sources {
  		type ifname . ipv4_addr
  		size 16383
  		elements = { "lb9e82-5" . 10.66.0.22 }
  	}

  	set cut_off_interfaces {
  		type ifname
  		size 16383
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

  	set resolvers {
  		type ipv4_addr
  		flags interval
  		elements = { 10.1.2.3 }
  	}

  	set resolvers_ipv6 {
  		type ipv6_addr
  		flags interval
  	}

  	set sender_log_budget {
  		type ifname
  		size 16383
  		flags dynamic,timeout
  		timeout 1m
  	}

  	set receiver_log_budget {
  		type ifname
  		size 16383
  		flags dynamic,timeout
  		timeout 1m
  	}

  	set query_budget {
  		type ifname
  		size 16383
  		flags dynamic,timeout
  		timeout 1m
  	}

  	set agent_connections {
  		type ifname
  		size 16383
  		flags dynamic
  	}

  	chain source {
  		type filter hook prerouting priority raw; policy accept;
  		iifname != @agent_interfaces return
  		iifname @cut_off_interfaces drop
  		iifname . ip saddr != @agent_sources goto deny_spoof
  		ip daddr != 10.66.0.0/16 ip daddr @denied_destinations goto deny_denied_destination
  		ip6 daddr @denied_destinations_ipv6 goto deny_denied_destination
  		meta nfproto ipv6 goto deny_ipv6
  	}

  	chain to_services {
  		type nat hook prerouting priority dstnat; policy accept;
  		iifname != @agent_interfaces return
  		ip daddr != 10.66.255.253 ip daddr 10.66.0.0/16 return
  		ip daddr != 10.66.255.253 fib daddr type local return
  		dnat ip to meta l4proto . th dport map { tcp . 80 : 10.66.255.253 . 15080, tcp . 443 : 10.66.255.253 . 15443, tcp . 53 : 10.66.255.253 . 5353, udp . 53 : 10.66.255.253 . 5353 }
  	}

  	chain destination {
  		type filter hook prerouting priority filter; policy accept;
  		iifname @agent_interfaces fib daddr type != local goto deny_egress
  	}

  	chain input {
  		type filter hook input priority filter; policy accept;
  		iifname @agent_interfaces goto from_agent
  	}

  	chain from_agent {
  		ct state established ct direction reply accept
  		meta l4proto tcp ct state new add @agent_connections { iifname ct count over 256 } goto deny_flood
  		meta l4proto udp update @query_budget { iifname limit rate over 100/second burst 300 packets } goto deny_flood
  		ip daddr 10.66.255.253 ct status dnat tcp dport { 5353, 15080, 15443 } accept
  		ip daddr 10.66.255.253 ct status dnat udp dport 5353 accept
  		goto deny_host
  	}

  	chain forward {
  		type filter hook forward priority filter; policy accept;
  		iifname @agent_interfaces goto deny_egress
  		oifname @agent_interfaces goto deny_ingress
  	}

  	chain output {
  		type filter hook output priority filter; policy accept;
  		oifname @agent_interfaces goto to_agent
  		meta skuid 1900040578 goto from_proxy
  	}

  	chain to_agent {
  		ct state established accept
  		meta skuid 1900040578 tcp dport 1024-65535 accept
  		goto deny_ingress
  	}

  	chain from_proxy {
  		meta l4proto { tcp, udp } th dport 53 ip daddr @resolvers accept
  		meta l4proto { tcp, udp } th dport 53 ip6 daddr @resolvers_ipv6 accept
  		ip daddr @denied_destinations goto deny_upstream
  		ip6 daddr @denied_destinations_ipv6 goto deny_upstream
  		fib daddr type local goto deny_upstream
  		tcp dport 443 accept
  		goto deny_upstream
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

  	chain deny_flood {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack flood" group 40578 snaplen 96
  		counter name flood drop
  	}

  	chain deny_egress {
  		update @sender_log_budget { iifname limit rate 20/second burst 40 packets } log prefix "lobstack egress" group 40578 snaplen 96
  		counter name egress drop
  	}

  	chain deny_ingress {
  		update @receiver_log_budget { oifname limit rate 20/second burst 40 packets } log prefix "lobstack ingress" group 40578 snaplen 96
  		counter name ingress drop
  	}

  	chain deny_upstream {
  		update @receiver_log_budget { oifname limit rate 20/second burst 40 packets } log prefix "lobstack upstream" group 40578 snaplen 96
  		counter name upstream reject with icmpx admin-prohibited
  	}

  }

  """
