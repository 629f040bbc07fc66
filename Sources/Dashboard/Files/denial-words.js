// Why a request was denied, in plain words; and whether a rule of egress could allow it.

const words = {
  "spoof": {
    title: "A forged sender address",
    why: "The packet said that it comes from an address which is not the agent's own.",
    never: "No rule can allow it: an agent that could pretend to be another could use what the other may reach.",
  },
  "ipv6": {
    title: "IPv6",
    why: "The packet was IPv6, which is closed for agents.",
    never: "No rule can allow it: agents reach hosts by IPv4, through the node proxy. Programs try IPv6 first and then go on.",
  },
  "denied-destination": {
    title: "A destination that is always closed",
    why: "It went to a private, link-local, metadata, multicast or reserved address.",
    never: "No rule of an agent can allow it: behind such addresses are the cloud's metadata and the machines of this network.",
  },
  "host": {
    title: "This machine itself",
    why: "It went to an address of this machine or of the platform.",
    never: "No rule can allow it: the platform must stay out of agents' reach.",
  },
  "flood": {
    title: "Too much at once",
    why: "The agent had more connections open, or asked for more names, than one agent may.",
    never: "It is a limit, not a rule: let the agent do less at once. The limits are in SPECIFICATION.md.",
  },
  "egress": {
    title: "Not by name and HTTPS",
    why: "It went to another agent, to a bare address, or to a port or protocol other than HTTP, HTTPS and DNS.",
    never: "Egress opens hosts by name on port 443 alone. If the host was meant, let the agent call https:// and its name.",
  },
  "ingress": {
    title: "A packet to the agent from outside",
    why: "Something other than the gateway's path tried to reach the agent.",
    never: "Agents are reached through the gateway only: declare the port in spec.ports and call the gateway.",
  },
  "upstream": {
    title: "A listed name that leads to a private address",
    why: "A host that the agent may reach resolved to an address that is always closed.",
    never: "No rule can allow it: whoever owns the name could point it at machines of this network. Ask its owner, or check the DNS server.",
  },
  "dns-refused-name": {
    title: "A host that is not on the agent's list",
    why: "The agent asked for the address of a name which is not in its egress, so it was told nothing and could not connect.",
  },
  "dns-tunnel-like": {
    title: "A name that looks like a message in disguise",
    why: "The name has long, many or odd parts, as when data is smuggled out in DNS queries.",
    never: "There is no button for it, because allowing it in haste would open a way out for data. If the host is known and meant, add it to spec.egress in the agent's document.",
  },
  "dns-odd-type": {
    title: "An unusual DNS query",
    why: "The agent asked DNS for something that no program needs to reach a host.",
    never: "No rule can allow it. To reach the host, ask for its address (type A) and list its name in spec.egress.",
  },
  "dns-malformed": {
    title: "A malformed DNS query",
    why: "What the agent sent to the resolver is no DNS query.",
    never: "No rule can allow it: there is nothing in it to allow.",
  },
  "dns-unknown-source": {
    title: "A DNS query of nobody",
    why: "The query came from an address that no agent has now, as of one that has just ended.",
    never: "No rule can allow it, because it is no agent's.",
  },
  "proxy-tls": {
    title: "HTTPS to a host that is not open",
    why: "The node proxy ended the connection: the host is not in the agent's egress, named no host, or could not be reached.",
  },
  "proxy-http": {
    title: "HTTP that no rule allows",
    why: "The node proxy refused the request: its host, method or path is in no rule, it was malformed, or its credential is missing.",
  },
  "proxy-ingress": {
    title: "A caller other than the gateway",
    why: "Somebody called the agent who is not the gateway, or a port on which the agent does not answer.",
    never: "No rule can allow another caller. If the gateway called: does the agent listen on the port of spec.ports?",
  },
  "untold": {
    title: "More than could be listed",
    why: "So many denials came at once that these were only counted.",
    never: "They were refused like the others.",
  },
  "unread": {
    title: "Not all was read",
    why: "A cluster keeps denials in logs alone, and not all of them were read. What was refused is refused all the same.",
    never: "See the logs of the agent's gateway and of the name servers.",
  },
};

const unknown = {
  title: "Refused",
  why: "The platform refused it.",
  never: "This page does not know the rule, so it does not offer to allow it.",
};

/** `{title, why, host, advice}`: `host` is what one click can add to egress, `advice` why not, or what else to do. */
export function explain(denial) {
  const { title, why, never } = words[denial.rule] ?? unknown;
  if (never) return { title, why, host: null, advice: denial.rule === "unread" ? denial.details : never };
  if (!denial.agent) {
    return { title, why, host: null, advice: "It is not known whose it was, so there is no agent whose egress could allow it." };
  }
  const host = denial.remedy?.match(/^add to spec\.egress: \{host: ([a-z0-9.-]+)\}$/)?.[1] ?? null;
  if (host) {
    const plain = denial.rule === "proxy-http"
      ? " Allowing opens HTTPS on port 443 only; the agent has to call https:// then." : "";
    return { title, why, host, advice: `If it was meant, the agent's egress needs the host ${host}.${plain}` };
  }
  return {
    title, why, host: null,
    advice: denial.remedy
      ? `Another host in the list would not help. Instead: ${denial.remedy}.`
      : "Nothing in the agent's egress would change it: the name cannot be listed, or it is listed and the host was not reached.",
  };
}

/** What was tried, in one line. */
export function attempt(denial) {
  const port = denial.port ? ` port ${denial.port}` : "";
  if (denial.host && denial.protocol === "dns") return `asked for ${denial.host}`;
  if (denial.host) {
    return [denial.method ?? (denial.rule === "proxy-tls" ? "HTTPS to" : "request to"), `${denial.host}${denial.path ?? ""}`].join(" ");
  }
  if (denial.destination) return `${denial.protocol.toUpperCase()} to ${denial.destination}${port}`;
  if (["untold", "unread"].includes(denial.rule)) return words[denial.rule].title;
  return { "proxy-tls": "HTTPS without a host's name", "proxy-http": "HTTP that is malformed" }[denial.rule] ?? `${denial.protocol.toUpperCase()}${port}`;
}

/** Like ones together, in the order of the newest: a program asks for one name by two record types, and again. */
export function grouped(denials) {
  const groups = new Map();
  for (const denial of denials) {
    const key = [denial.agent, denial.rule, denial.host ?? `${denial.destination}:${denial.port}`, denial.path].join("\n");
    const group = groups.get(key);
    if (!group) {
      groups.set(key, { ...denial, first: denial.time, methods: new Set([denial.method].filter(Boolean)) });
      continue;
    }
    group.count += denial.count;
    group.first = denial.time;
    group.remedy ??= denial.remedy;
    if (denial.method) group.methods.add(denial.method);
  }
  return [...groups.values()];
}
