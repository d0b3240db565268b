package plugins

import (
	"lockstep/config"
	"lockstep/infra/stacks"
)

var _ = add("storage", "object storage", func(p *stacks.Place, options config.Storage) error {
	stacks.Storage(p.Stack("storage", "object storage"), stacks.StorageProps{Storage: options, Imports: p.Environment.Imports})
	return nil
})
