package plugins

import (
	"lockstep/config"
	"lockstep/infra/stacks"
)

// storagePlugin adds object storage.
func storagePlugin() Plugin {
	return newPlugin("storage", "object storage", func(scope *stacks.Scope, options config.Storage) error {
		stacks.AddStorage(scope.NewStack("storage", "object storage"),
			stacks.StorageProps{Storage: options, Imports: scope.Environment.Imports})
		return nil
	})
}
