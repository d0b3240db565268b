package risk

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// A trafficRule is a rule of a security group.
type trafficRule struct {
	direction string // from or to
	protocol  string // "-1" for all
	ports     portRange
	// network is the peer where that is an address range; otherwise peer identifies it.
	network netip.Prefix
	peer    string
}

// A portRange is a range of ports; isAll says that it is all of them.
type portRange struct {
	isAll    bool
	from, to int
}

// covers reports whether r lets through whatever other does.
func (r trafficRule) covers(other trafficRule) bool {
	if r.direction != other.direction || r.protocol != "-1" && r.protocol != other.protocol {
		return false
	}
	if !r.ports.isAll && r.protocol != "-1" &&
		(other.ports.isAll || r.ports.from > other.ports.from || r.ports.to < other.ports.to) {
		return false
	}
	if r.network.IsValid() && other.network.IsValid() {
		return r.network.Bits() <= other.network.Bits() && r.network.Contains(other.network.Addr())
	}
	return r.network.IsValid() == other.network.IsValid() && r.peer == other.peer
}

// The shortest prefixes of networks that are not taken for the whole internet: splitting 0.0.0.0/0 makes it no smaller.
const (
	shortestIPv4 = 8
	shortestIPv6 = 19
)

// isAnywhere reports whether a network is the internet, or a large part of it.
func isAnywhere(network netip.Prefix) bool {
	if !network.IsValid() || network.Addr().IsPrivate() && network.Bits() >= shortestIPv4-1 {
		return false
	}
	if network.Addr().Is4() {
		return network.Bits() < shortestIPv4
	}
	return network.Bits() < shortestIPv6
}

// addTrafficRules adds the rules in a property of a security group.
func (r *reader) addTrafficRules(direction string, rules any) {
	for _, rule := range asList(rules) {
		if p, ok := rule.(map[string]any); ok {
			r.addTrafficRule(direction, p)
		} else {
			r.addUnreadable("a network rule", rule)
		}
	}
}

// addTrafficRule adds a rule. What comes from anywhere is open to everybody; what goes anywhere is not. A rule that
// cannot be read is one of its own.
func (r *reader) addTrafficRule(direction string, p map[string]any) {
	p = maps.Clone(p)
	for _, name := range []string{"Description", "GroupId", "GroupName"} {
		delete(p, name)
	}
	rule := readTrafficRule(direction, p)
	g := grant{text: "lets traffic through " + direction + " " + resolve.Text(p), rule: rule}
	g.isOpen = direction == "from" && (isAnywhere(rule.network) || rule.peer == "")
	r.addGrant(g)
}

// peerKeys are the properties of a rule that say who is on the other side.
var peerKeys = []string{
	"SourceSecurityGroupId", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId", "SourcePrefixListId",
	"DestinationSecurityGroupId", "DestinationPrefixListId",
}

func readTrafficRule(direction string, p map[string]any) *trafficRule {
	rule := &trafficRule{direction: direction, protocol: protocol(resolve.Text(p["IpProtocol"]))}
	for _, key := range []string{"CidrIp", "CidrIpv6"} {
		if text := resolve.Text(p[key]); text != "" {
			network, err := netip.ParsePrefix(text)
			if err == nil {
				rule.network = network.Masked()
			}
			rule.peer = text
		}
	}
	if !rule.network.IsValid() {
		parts := []string{rule.peer}
		for _, key := range peerKeys {
			parts = append(parts, resolve.Text(p[key]))
		}
		rule.peer = strings.Trim(strings.Join(parts, " "), " ")
	}
	from, errFrom := strconv.Atoi(resolve.Text(p["FromPort"]))
	to, errTo := strconv.Atoi(resolve.Text(p["ToPort"]))
	rule.ports = portRange{from: from, to: to}
	switch {
	case rule.protocol == "-1", p["FromPort"] == nil && p["ToPort"] == nil, from == -1:
		rule.ports.isAll = true
	case errFrom != nil || errTo != nil: // it cannot be known: only an equal rule is the same
		rule.peer += " " + resolve.Text(p)
		rule.network = netip.Prefix{}
	}
	return rule
}

// protocol returns the number of a protocol that has a name.
func protocol(text string) string {
	numbers := map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1", "": "-1"}
	if number, ok := numbers[strings.ToLower(text)]; ok {
		return number
	}
	return text
}
