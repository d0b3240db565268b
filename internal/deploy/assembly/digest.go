package assembly

import (
	"io/fs"

	"lockstep/internal/deploy/digest"
)

// SynthDigest returns the digest of the cloud assembly of one account, as it was synthesised.
func SynthDigest(fsys fs.FS) (digest.Synth, error) {
	sum, err := digest.OfFiles(fsys)
	return digest.Synth(sum), err
}

// EnvironmentDigest returns the digest of the folder that holds the cloud assemblies of all accounts of an environment.
func EnvironmentDigest(fsys fs.FS) (digest.Environment, error) {
	sum, err := digest.OfFiles(fsys)
	return digest.Environment(sum), err
}
