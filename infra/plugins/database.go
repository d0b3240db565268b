package plugins

import (
	"errors"

	"lockstep/config"
	"lockstep/infra/stacks"
)

// The database stage: a network for it, unless the account has one, and the database itself.
var _ = register("database", "PostgreSQL on Aurora Serverless v2", func(p *stacks.Scope, options config.Database) error {
	env := p.Environment
	if env.Network == nil {
		return errors.New("a database needs a network to stand in")
	}
	props := stacks.DatabaseProps{Database: options, ExistingNetwork: *env.Network, Imports: env.Imports, LogDays: env.LogDays}
	if env.Network.CIDR != "" {
		props.Network = stacks.AddNetwork(p.NewStack("network", "where the database stands"), stacks.NetworkProps{Network: *env.Network, LogDays: env.LogDays})
	}
	stacks.AddDatabase(p.NewStack("database", "PostgreSQL"), props)
	return nil
})
