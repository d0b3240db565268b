// Package digest owns the types of the digests that a deployment compares, so that the compiler refuses one where
// another is wanted, and the digest of a folder's files. Every digest is a SHA-256 in hexadecimal. A value is converted
// to its type where it is computed or where it is read from outside.
package digest

// A Synth is the digest of the cloud assembly of one account of an environment, as it was synthesised. A rehearsal
// deploys a copy of it with stand-ins, whose digest is an Account.
type Synth string

// An Environment is the digest of the cloud assemblies of all accounts of one environment together, as they were
// synthesised.
type Environment string

// An Account is the digest of the cloud assembly that is deployed to one account. It equals the account's Synth unless
// a rehearsal has put stand-ins into the assembly.
type Account string

// A Plan is the digest of a plan file, taken over everything in it but the digest itself.
type Plan string

// A Configuration is the digest of what the configuration says about one environment.
type Configuration string
