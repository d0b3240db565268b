package plugins

import (
	"lockstep/config"
	"lockstep/infra/stacks"
)

var _ = register("storage", "object storage", func(p *stacks.Scope, options config.Storage) error {
	stacks.AddStorage(p.NewStack("storage", "object storage"), stacks.StorageProps{Storage: options, Imports: p.Environment.Imports})
	return nil
})
