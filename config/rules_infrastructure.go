package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"lockstep/internal/fault"
)

// production is the environment that has to be protected whatever its file says.
const production = "prod"

// isProtected reports whether the environment's data must not be lost.
func (e Environment) isProtected() bool { return e.Name == production || e.TerminationProtection }

// checkProtection requires that production is protected, and that a person approves what comes to a protected
// environment.
func checkProtection(l *loader, env Environment, d *document) {
	if env.Name == production && !env.TerminationProtection && d.isIntact("terminationProtection") {
		l.addProblem(d, []string{"terminationProtection"}, env.Name+" has no termination protection",
			"add terminationProtection: true")
	}
	if env.isProtected() && !env.Approval.IsRequired() && d.isIntact("approval") && d.isIntact("terminationProtection") {
		l.addProblem(d, []string{"approval"}, env.Name+" is protected, but its releases need no approval",
			"add approval: true")
	}
}

// checkNetwork requires either a range of addresses for a new network, or an existing VPC with a subnet in each zone.
func checkNetwork(l *loader, env Environment, d *document) {
	n := env.Network
	if n == nil || !d.isIntact("network") {
		return
	}
	checkZones(l, env, d)
	switch {
	case n.CIDR == "" && n.VPC == "":
		l.addProblem(d, []string{"network"}, "network has neither a range of addresses nor a VPC",
			"add cidr for a new network, or vpc and subnets for an existing one")
	case n.CIDR != "" && (n.VPC != "" || n.Subnets != nil):
		l.addProblem(d, []string{"network", "cidr"}, "network is both new and existing",
			"write cidr alone, or vpc and subnets")
	case n.CIDR != "":
		checkCIDR(l, d, n.CIDR)
	case len(n.Subnets) != len(n.AvailabilityZones):
		l.addProblem(d, []string{"network", "subnets"},
			fmt.Sprintf("network has %d zones and %d subnets", len(n.AvailabilityZones), len(n.Subnets)),
			"name one subnet for each zone, in the zones' order")
	}
}

// SSMPrefix begins a reference to a parameter of SSM, which stands in place of a resource's own id.
const SSMPrefix = "ssm:"

// checkMultiAccountReferences requires that an environment with several accounts names existing resources by
// parameters: their ids differ from account to account.
func checkMultiAccountReferences(l *loader, env Environment, d *document) {
	if len(env.AdditionalWaves) == 0 {
		return
	}
	check := func(id string, path ...string) {
		if id != "" && !strings.HasPrefix(id, SSMPrefix) {
			l.addProblem(d, path, id+" is in one account of several",
				"write "+SSMPrefix+" and the name of a parameter that every account and region has")
		}
	}
	if n := env.Network; n != nil {
		check(n.VPC, "network", "vpc")
		for i, subnet := range n.Subnets {
			check(subnet, "network", "subnets", strconv.Itoa(i))
		}
	}
	check(env.Imports.Key, "imports", "key")
	if zone := env.Imports.HostedZone; zone != nil {
		check(zone.ID, "imports", "hostedZone", "id")
	}
}

// checkZones requires zones of the environment's region, whose names are the region's with a letter.
func checkZones(l *loader, env Environment, d *document) {
	for i, zone := range env.Network.AvailabilityZones {
		if env.Region != "" && zone[:len(zone)-1] != env.Region {
			l.addProblem(d, []string{"network", "availabilityZones", strconv.Itoa(i)},
				fmt.Sprintf("zone %s is not in %s", zone, env.Region),
				"write zones of the environment's region, such as "+env.Region+"a")
		}
	}
}

// checkCIDR requires a range of private addresses, as the VPC user guide recommends. Source of the ranges: RFC 1918.
func checkCIDR(l *loader, d *document, text string) {
	prefix, err := netip.ParsePrefix(text)
	path := []string{"network", "cidr"}
	switch {
	case err != nil:
		l.addCodedProblem(fault.ConfigValue, d, path, fmt.Sprintf("%q is not a range of addresses", text),
			"write one such as 10.20.0.0/16")
	case prefix.Masked() != prefix:
		l.addCodedProblem(fault.ConfigValue, d, path,
			fmt.Sprintf("%s is not the first address of %s", prefix.Addr(), prefix.Masked()),
			"write "+prefix.Masked().String())
	case !prefix.Addr().IsPrivate():
		l.addCodedProblem(fault.ConfigValue, d, path, text+" is not a private range",
			"write one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
	}
}

// checkBudget requires somebody who is notified of a budget, and a warning before the budget is critical.
func checkBudget(l *loader, env Environment, d *document) {
	if env.Budget == nil {
		return
	}
	if len(env.Notifications.Finance) == 0 && d.isIntact("notifications") {
		l.addProblem(d, []string{"notifications", "finance"}, "there is a budget, but nobody in finance is notified of it",
			"add notifications.finance with an email address")
	}
	if d.isIntact("budget") && env.Budget.WarningPercent >= env.Budget.CriticalPercent {
		l.addProblem(d, []string{"budget"}, fmt.Sprintf("the budget warns at %g %% and is critical at %g %%",
			env.Budget.WarningPercent, env.Budget.CriticalPercent), "let warningPercent be the smaller")
	}
}

// checkDatabase requires a network for the database, a capacity that can grow, and protection of the data in a
// protected environment.
func checkDatabase(l *loader, env Environment, d *document) {
	const name, minBackupDays = "database", 7
	db, wanted, err := PluginOptions[Database](env.Plugins, name)
	if !wanted || err != nil || !d.isIntact("plugins", name) {
		return
	}
	at := func(key string) []string { return []string{"plugins", name, key} }
	if env.Network == nil && d.isIntact("network") {
		l.addProblem(d, at("network"), "a database needs a network", "add network with availabilityZones and cidr")
	}
	if db.MaxACU > 0 && db.MinACU > db.MaxACU {
		l.addProblem(d, at("minACU"), fmt.Sprintf("minACU, %g, is more than maxACU, %g", db.MinACU, db.MaxACU),
			"let minACU be the smaller")
	}
	if !env.isProtected() {
		return
	}
	if !db.DeletionProtection {
		l.addProblem(d, at("deletionProtection"), env.Name+" is protected, but its database is not",
			"add deletionProtection: true")
	}
	if db.BackupDays < minBackupDays {
		l.addProblem(d, at("backupDays"), fmt.Sprintf("%s keeps backups for %d days", env.Name, db.BackupDays),
			fmt.Sprintf("a protected environment keeps them for at least %d", minBackupDays))
	}
}

// checkStorageLifecycle requires that versions are archived before they are deleted. Glacier bills an object for at
// least 90 days, so a version that is deleted soon after it was archived costs more than it saves.
// Source: the S3 user guide, transition considerations.
func checkStorageLifecycle(l *loader, env Environment, d *document) {
	const name = "storage"
	s, wanted, err := PluginOptions[Storage](env.Plugins, name)
	if !wanted || err != nil || !d.isIntact("plugins", name) || s.NoncurrentExpireAfterDays > s.ArchiveAfterDays {
		return
	}
	l.addProblem(d, []string{"plugins", name, "noncurrentExpireAfterDays"},
		fmt.Sprintf("replaced versions are deleted after %d days, before objects are archived after %d",
			s.NoncurrentExpireAfterDays, s.ArchiveAfterDays), "let noncurrentExpireAfterDays be the larger")
}

// checkPipelineSource requires a connection of the tooling account, and somebody who is notified of failures.
func checkPipelineSource(l *loader) {
	d, p := l.documents[pipelineFile], l.pipeline
	if d == nil || p.Source == nil {
		return
	}
	if len(p.Owners) == 0 && d.isIntact("owners") {
		l.addProblem(d, []string{"source"}, "there is a pipeline, but nobody is notified of its failures",
			"add owners with an email address")
	}
	parts := strings.Split(p.Source.Connection, ":") // arn:aws:codeconnections:REGION:ACCOUNT:connection/ID
	if len(parts) != 6 || p.Tooling.ID == "" || p.Tooling.Region == "" {
		return
	}
	if region, account := parts[3], parts[4]; region != p.Tooling.Region || account != p.Tooling.ID {
		l.addProblem(d, []string{"source", "connection"},
			fmt.Sprintf("the connection is in account %s, %s", account, region),
			fmt.Sprintf("make one in the tooling account, %s, %s", p.Tooling.ID, p.Tooling.Region))
	}
}
