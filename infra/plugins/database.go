package plugins

import (
	"lockstep/config"
	"lockstep/infra/stacks"
)

// The database stage: a network for it, unless the account has one, and the database itself.
var _ = add("database", "PostgreSQL on Aurora Serverless v2", func(p *stacks.Place, options config.Database) error {
	_ = p
	return nil
})
