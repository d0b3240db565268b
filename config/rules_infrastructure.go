package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// production is the environment that has to be protected whatever its file says of itself.
const production = "prod"

// isProtected says whether what is in the environment must not be lost.
func (e Environment) isProtected() bool { return e.Name == production || e.TerminationProtection }

// checkProtection: what must not be lost is not changed without a person's yes.
func checkProtection(l *loader) {
	l.forEachEnvironment(func(env Environment, d *document) {
		if env.Name == production && !env.TerminationProtection && d.isIntact("terminationProtection") {
			l.addProblem(d, []string{"terminationProtection"}, env.Name+" has no termination protection", "add terminationProtection: true")
		}
		if env.isProtected() && !env.Approval && d.isIntact("approval") && d.isIntact("terminationProtection") {
			l.addProblem(d, []string{"approval"}, env.Name+" is protected, but nobody has to approve what comes there", "add approval: true")
		}
	})
}

// checkNetwork: a network is made of a range of addresses, or is one that is there already, with a subnet in each zone.
func checkNetwork(l *loader) {
	l.forEachEnvironment(func(env Environment, d *document) {
		n := env.Network
		if n == nil || !d.isIntact("network") {
			return
		}
		l.checkZones(d, env)
		switch {
		case n.CIDR == "" && n.VPC == "":
			l.addProblem(d, []string{"network"}, "network says neither which range to make nor which VPC to use", "add cidr for a network of its own, or vpc and subnets for one that is there")
		case n.CIDR != "" && (n.VPC != "" || n.Subnets != nil):
			l.addProblem(d, []string{"network", "cidr"}, "network is to be made and is there already", "write cidr alone, or vpc and subnets")
		case n.CIDR != "":
			l.checkCIDR(d, n.CIDR)
		case len(n.Subnets) != len(n.AvailabilityZones):
			l.addProblem(d, []string{"network", "subnets"}, fmt.Sprintf("network has %d zones and %d subnets", len(n.AvailabilityZones), len(n.Subnets)), "name one subnet for each zone, in the zones' order")
		}
	})
}

// checkMultiAccountReferences: what is there already has another id in every account and region; a parameter's name can be the same in all.
func checkMultiAccountReferences(l *loader) {
	l.forEachEnvironment(func(env Environment, d *document) {
		if len(env.AdditionalWaves) == 0 {
			return
		}
		check := func(id string, path ...string) {
			if id != "" && !strings.HasPrefix(id, SSMPrefix) {
				l.addProblem(d, path, id+" is in one account of several", "write "+SSMPrefix+" and the name of a parameter that every account and region has")
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

// SSMPrefix begins what names a parameter of SSM instead of the thing itself.
const SSMPrefix = "ssm:"

// checkZones: a zone is called as its region with a letter.
func (l *loader) checkZones(d *document, env Environment) {
	for i, zone := range env.Network.AvailabilityZones {
		if env.Region != "" && zone[:len(zone)-1] != env.Region {
			l.addProblem(d, []string{"network", "availabilityZones", fmt.Sprint(i)}, fmt.Sprintf("zone %s is not in %s", zone, env.Region), "write zones of the environment's region, such as "+env.Region+"a")
		}
	}
}

// checkCIDR. Source of the private ranges: RFC 1918; the VPC user guide recommends them.
func (l *loader) checkCIDR(d *document, text string) {
	prefix, err := netip.ParsePrefix(text)
	path := []string{"network", "cidr"}
	switch {
	case err != nil:
		l.addProblem(d, path, fmt.Sprintf("%q is no range of addresses", text), "write one such as 10.20.0.0/16")
	case prefix.Masked() != prefix:
		l.addProblem(d, path, text+" does not begin where the range does", "write "+prefix.Masked().String())
	case !prefix.Addr().IsPrivate():
		l.addProblem(d, path, text+" is no private range", "write one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
	}
}

// checkBudget: a budget that nobody hears of, or that warns after it is critical, is none.
func checkBudget(l *loader) {
	l.forEachEnvironment(func(env Environment, d *document) {
		if env.Budget == nil {
			return
		}
		if len(env.Notifications.Finance) == 0 && d.isIntact("notifications") {
			l.addProblem(d, []string{"notifications", "finance"}, "there is a budget, but nobody in finance hears of it", "add notifications.finance with an email address")
		}
		if d.isIntact("budget") && env.Budget.WarningPercent >= env.Budget.CriticalPercent {
			l.addProblem(d, []string{"budget"}, fmt.Sprintf("the budget warns at %g %% and is critical at %g %%", env.Budget.WarningPercent, env.Budget.CriticalPercent), "let warningPercent be the smaller")
		}
	})
}

// checkDatabase: a database has a network, grows from less to more, and is kept where the environment is protected.
func checkDatabase(l *loader) {
	const name, leastBackupDays = "database", 7
	l.forEachEnvironment(func(env Environment, d *document) {
		db, wanted, err := PluginOptions[Database](env.Plugins, name)
		if !wanted || err != nil || !d.isIntact("plugins", name) {
			return
		}
		at := func(key string) []string { return []string{"plugins", name, key} }
		if env.Network == nil && d.isIntact("network") {
			l.addProblem(d, at("network"), "a database needs a network to stand in", "add network with availabilityZones and cidr")
		}
		if db.MaxACU > 0 && db.MinACU > db.MaxACU {
			l.addProblem(d, at("minACU"), fmt.Sprintf("the least capacity, %g ACU, is more than the most, %g", db.MinACU, db.MaxACU), "let minACU be the smaller")
		}
		if !env.isProtected() {
			return
		}
		if !db.DeletionProtection {
			l.addProblem(d, at("deletionProtection"), env.Name+" is protected, but its database is not", "add deletionProtection: true")
		}
		if db.BackupDays < leastBackupDays {
			l.addProblem(d, at("backupDays"), fmt.Sprintf("%s keeps backups for %d days", env.Name, db.BackupDays), fmt.Sprintf("a protected environment keeps them for at least %d", leastBackupDays))
		}
	})
}

// checkStorageLifecycle: an object is stored for at least 90 days in Glacier and paid for as long, so a version that is archived
// and deleted soon costs more than it saves. Source: the S3 user guide, transition considerations.
func checkStorageLifecycle(l *loader) {
	const name = "storage"
	l.forEachEnvironment(func(env Environment, d *document) {
		s, wanted, err := PluginOptions[Storage](env.Plugins, name)
		if !wanted || err != nil || !d.isIntact("plugins", name) || s.NoncurrentExpireAfterDays > s.ArchiveAfterDays {
			return
		}
		l.addProblem(d, []string{"plugins", name, "noncurrentExpireAfterDays"}, fmt.Sprintf("replaced versions are deleted after %d days, before objects are archived after %d", s.NoncurrentExpireAfterDays, s.ArchiveAfterDays), "let noncurrentExpireAfterDays be the larger")
	})
}

// checkPipelineSource: the connection is one of the tooling account, and somebody hears of what becomes of a change.
func checkPipelineSource(l *loader) {
	d, p := l.documents[pipelineFile], l.pipeline
	if d == nil || p.Source == nil {
		return
	}
	if len(p.Owners) == 0 && d.isIntact("owners") {
		l.addProblem(d, []string{"source"}, "there is a pipeline, but nobody hears of its failures", "add owners with an email address")
	}
	parts := strings.Split(p.Source.Connection, ":") // arn:aws:codeconnections:REGION:ACCOUNT:connection/ID
	if len(parts) != 6 || p.Tooling.ID == "" || p.Tooling.Region == "" {
		return
	}
	if here := []string{p.Tooling.Region, p.Tooling.ID}; !slices.Equal(parts[3:5], here) {
		l.addProblem(d, []string{"source", "connection"}, fmt.Sprintf("the connection is in account %s, %s", parts[4], parts[3]), fmt.Sprintf("make one in the tooling account, %s, %s", p.Tooling.ID, p.Tooling.Region))
	}
}
