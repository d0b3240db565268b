package config

import (
	"testing"
	"testing/fstest"

	"lockstep/internal/fault/faulttest"
)

func TestLoad_FilesThatAreNoPlainYAML(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, files := range []fstest.MapFS{
		configFS(map[string]string{"environments/dev.yaml": "account: \xff\n"}),
		configFS(map[string]string{"environments/dev.yaml": "account: &a \"111122223333\"\nregion: *a\n"}),
		{"pipeline.yaml": {Data: []byte(pipelineYAML)}},
	} {
		_, err := Load(files)
		printed.Error(err)
	}
}
