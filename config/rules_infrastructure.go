package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// production is the environment that has to be protected whatever its file says of itself.
const production = "prod"

// protected says whether what is in the environment must not be lost.
func (e Environment) protected() bool { return e.Name == production || e.TerminationProtection }

// protectedIsApproved: what must not be lost is not changed without a person's yes.
func protectedIsApproved(l *loader) {
	l.each(func(env Environment, d *document) {
		if env.Name == production && !env.TerminationProtection && d.whole("terminationProtection") {
			l.problemAt(d, []string{"terminationProtection"}, env.Name+" has no termination protection", "add terminationProtection: true")
		}
		if env.protected() && !env.Approval && d.whole("approval") && d.whole("terminationProtection") {
			l.problemAt(d, []string{"approval"}, env.Name+" is protected, but nobody has to approve what comes there", "add approval: true")
		}
	})
}

// networkIsMadeOrGiven: a network is made of a range of addresses, or is one that is there already, with a subnet in each zone.
func networkIsMadeOrGiven(l *loader) {
	l.each(func(env Environment, d *document) {
		n := env.Network
		if n == nil || !d.whole("network") {
			return
		}
		l.checkZones(d, env)
		switch {
		case n.CIDR == "" && n.VPC == "":
			l.problemAt(d, []string{"network"}, "network says neither which range to make nor which VPC to use", "add cidr for a network of its own, or vpc and subnets for one that is there")
		case n.CIDR != "" && (n.VPC != "" || n.Subnets != nil):
			l.problemAt(d, []string{"network", "cidr"}, "network is to be made and is there already", "write cidr alone, or vpc and subnets")
		case n.CIDR != "":
			l.checkRange(d, n.CIDR)
		case len(n.Subnets) != len(n.AvailabilityZones):
			l.problemAt(d, []string{"network", "subnets"}, fmt.Sprintf("network has %d zones and %d subnets", len(n.AvailabilityZones), len(n.Subnets)), "name one subnet for each zone, in the zones' order")
		}
	})
}

// onlyNamesForSeveral: what is there already has another id in every account and region; a parameter's name can be the same in all.
func onlyNamesForSeveral(l *loader) {
	l.each(func(env Environment, d *document) {
		if len(env.More) == 0 {
			return
		}
		check := func(id string, path ...string) {
			if id != "" && !strings.HasPrefix(id, ByParameter) {
				l.problemAt(d, path, id+" is in one account of several", "write "+ByParameter+" and the name of a parameter that every account and region has")
			}
		}
		if n := env.Network; n != nil {
			check(n.VPC, "network", "vpc")
			for i, subnet := range n.Subnets {
				check(subnet, "network", "subnets", fmt.Sprint(i))
			}
		}
		check(env.Imports.Key, "imports", "key")
		if zone := env.Imports.HostedZone; zone != nil {
			check(zone.ID, "imports", "hostedZone", "id")
		}
	})
}

// ByParameter begins what names a parameter of SSM instead of the thing itself.
const ByParameter = "ssm:"

// checkZones: a zone is called as its region with a letter.
func (l *loader) checkZones(d *document, env Environment) {
	for i, zone := range env.Network.AvailabilityZones {
		if env.Region != "" && zone[:len(zone)-1] != env.Region {
			l.problemAt(d, []string{"network", "availabilityZones", fmt.Sprint(i)}, fmt.Sprintf("zone %s is not in %s", zone, env.Region), "write zones of the environment's region, such as "+env.Region+"a")
		}
	}
}

// checkRange. Source of the private ranges: RFC 1918; the VPC user guide recommends them.
func (l *loader) checkRange(d *document, text string) {
	prefix, err := netip.ParsePrefix(text)
	path := []string{"network", "cidr"}
	switch {
	case err != nil:
		l.problemAt(d, path, fmt.Sprintf("%q is no range of addresses", text), "write one such as 10.20.0.0/16")
	case prefix.Masked() != prefix:
		l.problemAt(d, path, text+" does not begin where the range does", "write "+prefix.Masked().String())
	case !prefix.Addr().IsPrivate():
		l.problemAt(d, path, text+" is no private range", "write one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
	}
}

// budgetReachesFinance: a budget that nobody hears of, or that warns after it is critical, is none.
func budgetReachesFinance(l *loader) {
	l.each(func(env Environment, d *document) {
		if env.Budget == nil {
			return
		}
		if len(env.Notifications.Finance) == 0 && d.whole("notifications") {
			l.problemAt(d, []string{"notifications", "finance"}, "there is a budget, but nobody in finance hears of it", "add notifications.finance with an email address")
		}
		if d.whole("budget") && env.Budget.WarningPercent >= env.Budget.CriticalPercent {
			l.problemAt(d, []string{"budget"}, fmt.Sprintf("the budget warns at %g %% and is critical at %g %%", env.Budget.WarningPercent, env.Budget.CriticalPercent), "let warningPercent be the smaller")
		}
	})
}

// databaseFits: a database has a network, grows from less to more, and is kept where the environment is protected.
func databaseFits(l *loader) {
	const name, leastBackupDays = "database", 7
	l.each(func(env Environment, d *document) {
		db, wanted, err := Options[Database](env.Plugins, name)
		if !wanted || err != nil || !d.whole("plugins", name) {
			return
		}
		at := func(key string) []string { return []string{"plugins", name, key} }
		if env.Network == nil && d.whole("network") {
			l.problemAt(d, at("network"), "a database needs a network to stand in", "add network with availabilityZones and cidr")
		}
		if db.MaxACU > 0 && db.MinACU > db.MaxACU {
			l.problemAt(d, at("minACU"), fmt.Sprintf("the least capacity, %g ACU, is more than the most, %g", db.MinACU, db.MaxACU), "let minACU be the smaller")
		}
		if !env.protected() {
			return
		}
		if !db.DeletionProtection {
			l.problemAt(d, at("deletionProtection"), env.Name+" is protected, but its database is not", "add deletionProtection: true")
		}
		if db.BackupDays < leastBackupDays {
			l.problemAt(d, at("backupDays"), fmt.Sprintf("%s keeps backups for %d days", env.Name, db.BackupDays), fmt.Sprintf("a protected environment keeps them for at least %d", leastBackupDays))
		}
	})
}

// versionsOutliveArchiving: an object is stored for at least 90 days in Glacier and paid for as long, so a version that is archived
// and deleted soon costs more than it saves. Source: the S3 user guide, transition considerations.
func versionsOutliveArchiving(l *loader) {
	const name = "storage"
	l.each(func(env Environment, d *document) {
		s, wanted, err := Options[Storage](env.Plugins, name)
		if !wanted || err != nil || !d.whole("plugins", name) || s.NoncurrentExpireAfterDays > s.ArchiveAfterDays {
			return
		}
		l.problemAt(d, []string{"plugins", name, "noncurrentExpireAfterDays"}, fmt.Sprintf("replaced versions are deleted after %d days, before objects are archived after %d", s.NoncurrentExpireAfterDays, s.ArchiveAfterDays), "let noncurrentExpireAfterDays be the larger")
	})
}

// pipelineIsHeard: the connection is one of the tooling account, and somebody hears of what becomes of a change.
func pipelineIsHeard(l *loader) {
	d, p := l.documents[pipelineFile], l.pipeline
	if d == nil || p.Source == nil {
		return
	}
	if len(p.Owners) == 0 && d.whole("owners") {
		l.problemAt(d, []string{"source"}, "there is a pipeline, but nobody hears of its failures", "add owners with an email address")
	}
	parts := strings.Split(p.Source.Connection, ":") // arn:aws:codeconnections:REGION:ACCOUNT:connection/ID
	if len(parts) != 6 || p.Tooling.ID == "" || p.Tooling.Region == "" {
		return
	}
	if here := []string{p.Tooling.Region, p.Tooling.ID}; !slices.Equal(parts[3:5], here) {
		l.problemAt(d, []string{"source", "connection"}, fmt.Sprintf("the connection is in account %s, %s", parts[4], parts[3]), fmt.Sprintf("make one in the tooling account, %s, %s", p.Tooling.ID, p.Tooling.Region))
	}
}
