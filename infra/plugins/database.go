package plugins

import (
	"errors"

	"lockstep/config"
	"lockstep/infra/stacks"
)

// databasePlugin adds a database, and a network for it unless the account has one.
func databasePlugin() Plugin {
	return newPlugin("database", "PostgreSQL on Aurora Serverless v2", buildDatabase)
}

func buildDatabase(scope *stacks.Scope, options config.Database) error {
	env := scope.Environment
	if env.Network == nil {
		return errors.New("a database needs a network")
	}
	props := stacks.DatabaseProps{
		Database: options, ExistingNetwork: *env.Network, Imports: env.Imports, LogDays: env.LogDays,
	}
	if env.Network.CIDR != "" {
		stack := scope.NewStack("network", "where the database stands")
		props.Network = stacks.AddNetwork(stack, stacks.NetworkProps{Network: *env.Network, LogDays: env.LogDays})
	}
	stacks.AddDatabase(scope.NewStack("database", "PostgreSQL"), props)
	return nil
}
